/** The same items, and word of one that is waited for longer than this. */
export async function* inTimeEach<T>(
  items: AsyncGenerator<T>,
  milliseconds: number,
  onLate: () => void,
): AsyncGenerator<T> {
  try {
    for (;;) {
      const timer = setTimeout(onLate, milliseconds);
      const { value, done } = await items
        .next()
        .finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    await items.return(undefined);
  }
}
