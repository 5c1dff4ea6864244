/** Files that the browser hands to the person. */

/** Offers `content` as a file of that name. */
export function download(name: string, content: string | Blob, type: string): void {
  const kind = typeof content === "string" ? `${type};charset=utf-8` : type;
  const url = URL.createObjectURL(new Blob([content], { type: kind }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A table as CSV, which spreadsheets read; nothing in it is taken for a formula. */
export function csvOf(rows: readonly (readonly (string | number | null)[])[]): string {
  // The mark tells Excel that it is UTF-8.
  return `\ufeff${rows.map((row) => row.map(csvCell).join(",")).join("\r\n")}\r\n`;
}

/** A sign that spreadsheets begin formulas with, behind what they pass over or take away. */
const FORMULA = /^(?:[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r])/u;

function csvCell(value: string | number | null): string {
  if (value === null) {
    return "";
  }
  if (typeof value === "number") {
    return String(value);
  }
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
