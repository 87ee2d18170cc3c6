/**
 * The answers of all questions, after the last one has come. `Promise.all` rejects with the first failure, while other
 * questions are still running: too early for a transaction that has to be open until then.
 *
 * @throws the error of the first failed question, in the order of the questions
 */
export async function allAnswered<T>(questions: readonly Promise<T>[]): Promise<readonly T[]> {
  const answers = await Promise.allSettled(questions);
  return answers.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
}
