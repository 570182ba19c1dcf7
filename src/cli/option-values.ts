/** What options take beside plain text: times, ports, lists. Each turns the text into the value or refuses it. */
import { InvalidArgumentError } from "commander";

export const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** A path: a script's empty variable would mean the folder in which it runs. */
export function place(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It is empty: name a folder.");
  return text;
}

/** The folder of a share, for what writes into it or reads all of it: no web server can be asked for that. */
export function shareFolder(text: string): string {
  if (/^[a-z]+:\/\//i.test(text)) throw new InvalidArgumentError("It is an address: name the share's folder.");
  return place(text);
}

/** "300s", "5m" → milliseconds. */
export function seconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m)?$/.exec(text);
  if (!match) throw new InvalidArgumentError("Write a time like 300s or 5m.");
  return Number(match[1]) * (match[2] === "m" ? 60_000 : 1000);
}

export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("Write a number from 0 to 65535.");
  return port;
}

/** 1, 2, 3 and so on. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Write a number, 1 or more.");
  return Number(text);
}

/** "12h", "90d", "4w" → milliseconds. */
export function span(text: string): number {
  const match = /^(\d{1,6})\s*([hdw])$/.exec(text);
  if (!match) throw new InvalidArgumentError("Write a time like 12h, 90d or 4w.");
  const hours = { h: 1, d: 24, w: 168 }[match[2] as "h" | "d" | "w"];
  return Number(match[1]) * hours * 3_600_000;
}
