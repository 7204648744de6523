import { limitExceeded } from "../../../../common/errors.ts";
import { checkedMessage, type DictionaryBatch } from "./arrow-metadata.ts";
import { fault } from "./rows.ts";

const prefixBytes = 8;
const maxMetadataBytes = 2 ** 20;
const maxBodyBytes = 32 * 2 ** 20;
/** Of a file's dictionaries together: its reader keeps them. */
const maxDictionaryBytes = 64 * 2 ** 20;
/** Of a dictionary: with each its reader joins all of them anew. */
const maxDictionaryParts = 64;

/**
 * The messages of an Arrow IPC stream, each whole and in a piece of its own: the library would wait for as many bytes as
 * a message says that it has.
 */
export async function* framesOf(
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, undefined> {
  const input = new Input(bytes);
  const dictionaries = new Dictionaries();
  for (let number = 1; ; number += 1) {
    const place = `message ${number}`;
    const prefix = await input.take(prefixBytes);
    if (prefix.length === 0) return;
    const metadataBytes = lengthIn(prefix, place);
    if (metadataBytes === 0) return;
    assertBytes("bytes of metadata", maxMetadataBytes, metadataBytes, place);
    const metadata = await input.take(metadataBytes);
    if (metadata.length < metadataBytes) throw brokenOff(place);
    const { kind, bodyBytes, dictionary } = checkedMessage(metadata, place);
    if (kind === "schema" && number > 1)
      throw fault(place, "this is a second schema. Send each file by itself.");
    assertBytes("bytes a record batch", maxBodyBytes, bodyBytes, place);
    // Many small ones are mostly metadata.
    if (dictionary)
      dictionaries.add(dictionary, metadataBytes + bodyBytes, place);
    const body = await input.take(bodyBytes);
    if (body.length < bodyBytes) throw brokenOff(place);
    yield Buffer.concat([prefix, metadata, body]);
  }
}

/** Of the metadata. 0 ends the stream. */
function lengthIn(prefix: Buffer, place: string): number {
  if (prefix.length < prefixBytes || prefix.readInt32LE() !== -1)
    throw fault(place, "this is no message of an Arrow IPC stream.");
  return prefix.readUInt32LE(4);
}

const brokenOff = (place: string) => fault(place, "the file breaks off here.");

function assertBytes(
  what: string,
  limit: number,
  bytes: number,
  place: string,
): void {
  if (bytes > limit)
    throw limitExceeded(
      what,
      limit,
      bytes,
      "Write smaller record batches.",
      place,
    );
}

/** What a file's dictionaries take so far. */
class Dictionaries {
  private bytes = 0;
  private readonly parts = new Map<number, number>();

  add({ id, isPart }: DictionaryBatch, bytes: number, place: string): void {
    this.bytes += bytes;
    assertBytes(
      "bytes of dictionaries a file",
      maxDictionaryBytes,
      this.bytes,
      place,
    );
    const count = isPart ? (this.parts.get(id) ?? 0) + 1 : 1;
    if (count > maxDictionaryParts)
      throw limitExceeded(
        "parts of a dictionary",
        maxDictionaryParts,
        count,
        "Write it whole where it has grown, without deltas, or write plain texts.",
        place,
      );
    this.parts.set(id, count);
  }
}

/** Bytes by the number that is asked for, whatever the pieces are in which they come. */
class Input {
  private readonly source: AsyncIterator<Buffer>;
  private left: Buffer = Buffer.alloc(0);

  constructor(bytes: AsyncIterable<Buffer>) {
    this.source = bytes[Symbol.asyncIterator]();
  }

  /** Fewer at the end. */
  async take(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.left.length === 0) {
        const { value, done } = await this.source.next();
        if (done) break;
        this.left = value;
      }
      const piece = this.left.subarray(0, missing);
      this.left = this.left.subarray(piece.length);
      missing -= piece.length;
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }
}
