const SMALLEST = -(2n ** 63n);
const LARGEST = 2n ** 63n - 1n;

/** The exact sum of two int64 texts; `undefined` if it leaves int64. */
export function addDelta(left: string, right: string): string | undefined {
  const sum = BigInt(left) + BigInt(right);
  return sum < SMALLEST || sum > LARGEST ? undefined : String(sum);
}
