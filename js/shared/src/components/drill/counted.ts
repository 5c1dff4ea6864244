import { formatCount } from "../../format";

/** A number of things in words: "1 trial", "1,200 examples". */
export function counted(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}
