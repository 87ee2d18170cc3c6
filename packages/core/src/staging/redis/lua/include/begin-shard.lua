-- Sets what is of one shard anew, for a script that goes on to the next. A test knows every variable that it has to
-- name.
-- Needs: what undo, draft, counts, held, remember, put-dirty and end-copies bring

local function begin_shard()
  undo, undo_size, drafts, drafted_times = {}, 0, {}, {}
  counts, must_recount, held_counts, must_recount_held = {}, false, {}, false
  any_held, any_void, found_void, has_come_back, to_carry = false, false, false, false, {}
end
