import { count } from '../format.js';

/** The reads that had to wait until pending changes were written, by caller. */
export function ForcedDrains({ counts }: { readonly counts: Readonly<Record<string, number>> }) {
  const callers = Object.entries(counts);
  return (
    <>
      <h3>Reads that waited for pending changes</h3>
      {callers.length === 0 ? (
        <p class="quiet">None. Look-ups by key never wait.</p>
      ) : (
        <table class="narrow">
          <thead>
            <tr>
              <th scope="col">Caller</th>
              <th scope="col" class="number">
                Times
              </th>
            </tr>
          </thead>
          <tbody>
            {callers.slice(0, 20).map(([caller, times]) => (
              <tr key={caller}>
                <td>{caller}</td>
                <td class="number">{count(times)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
