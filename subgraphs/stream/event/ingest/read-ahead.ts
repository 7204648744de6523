/** Lets the next item be made while one is used. Who stops early ends what makes them by `abandon`, lest it is waited for. */
export async function* readAhead<T>(
  items: AsyncGenerator<T>,
  abandon: () => void = () => undefined,
): AsyncGenerator<T> {
  try {
    let next = items.next();
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = items.next();
      // Its failure is met when its turn comes.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    abandon();
    await items.return(undefined);
  }
}
