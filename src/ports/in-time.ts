// Bounds how long an answer from outside is waited for.
/**
 * What a promise answers, or `late` where that takes longer than `ms`: then nobody waits for it any more, whatever becomes
 * of it. Real time, whatever clock is set: it bounds waiting for somebody outside.
 * @throws what the promise threw in time
 */
export function inTime<T, Late>(answer: Promise<T>, ms: number, late: Late): Promise<T | Late> {
  const { promise, resolve, reject } = Promise.withResolvers<T | Late>();
  const timer = setTimeout(() => resolve(late), ms);
  answer.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
