/**
 * A plain http connection whose body is read past Node's HTTP parser. The parser takes the socket's bytes in pieces of
 * 64 KiB and copies each into new memory, which costs more than all else that is done with a box; here the answer's
 * head goes through the parser, and a body of known length from the socket into one piece of memory, again and again.
 */
import type { IncomingMessage } from "node:http";
import net from "node:net";

export interface Straight {
  socket: net.Socket;
  /**
   * To be called while the answer's event is told. Pieces lie in the same memory, one after the other. Undefined for an
   * answer that has no length or whose body the parser has begun to read: that body is the answer's own stream.
   */
  bodyOf(answer: IncomingMessage): AsyncIterable<Uint8Array> | undefined;
}

const PIECE = 1024 * 1024;
const END_OF_HEAD = "\r\n\r\n";

export function connectStraight(url: URL): Straight {
  /** Its last characters, in which the end of the head may have begun. */
  let head = "";
  /** The parser has seen a whole head, and nothing after it. */
  let atEnd = false;
  let reader: "head" | "parser" | "body" = "head";
  let piece: Buffer | undefined;
  let wake = (): void => {};

  /** As the socket would. Its own memory is used again, but whoever reads the parser may keep what he gets. */
  const hand = (bytes: Buffer): void => void socket.emit("data", Buffer.from(bytes));
  /** Gives the parser what is for it, head by head; gives back the bytes that are the body's. */
  const parse = (bytes: Buffer): Buffer => {
    let rest = bytes;
    while (reader === "head" && rest.length > 0) {
      const text = head + rest.toString("latin1");
      const found = text.indexOf(END_OF_HEAD);
      atEnd = found >= 0;
      const count = atEnd ? found + END_OF_HEAD.length - head.length : rest.length;
      head = atEnd ? "" : text.slice(-(END_OF_HEAD.length - 1));
      hand(rest.subarray(0, count));
      rest = rest.subarray(count);
    }
    if (reader === "body") return rest;
    if (rest.length > 0) hand(rest);
    return Buffer.alloc(0);
  };
  const socket = net.connect({
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 80),
    onread: {
      buffer: Buffer.allocUnsafeSlow(PIECE),
      callback: (count, memory) => {
        const rest = parse((memory as Buffer).subarray(0, count));
        if (rest.length === 0) return true;
        piece = rest;
        wake();
        // No further bytes before these have been taken.
        return false;
      },
    },
  });

  const body = async function* (length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      while (piece === undefined) {
        if (socket.errored) throw socket.errored;
        if (socket.destroyed) throw Object.assign(new Error("the connection was cut"), { code: "ECONNRESET" });
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const bytes = piece.subarray(0, left);
      left -= bytes.length;
      yield bytes;
      piece = undefined;
      if (left > 0) socket.resume();
    }
  };
  return {
    socket,
    bodyOf: ({ headers, statusCode = 0 }) => {
      const length = headers["content-length"];
      const isPlain = length !== undefined && headers["transfer-encoding"] === undefined && statusCode !== 304;
      reader = atEnd && isPlain ? "body" : "parser";
      if (reader === "parser") return undefined;
      socket.once("close", () => wake());
      return body(Number(length));
    },
  };
}
