/**
 * The answers of all questions, once the last one has come. `Promise.all` rejects as soon as one is refused, while the
 * others are still on their way: too early for a transaction that has to be open until then.
 *
 * @throws what the first of them in order was refused with
 */
export async function allAnswered<T>(questions: readonly Promise<T>[]): Promise<readonly T[]> {
  const answers = await Promise.allSettled(questions);
  return answers.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
}
