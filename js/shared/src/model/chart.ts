/** What all charts are drawn with. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Room for the axes around the scores of trials and of configurations. */
export const margin = { top: 10, right: 14, bottom: 22, left: 38 } as const;

/** A line of no length: its round cap is the dot, as large as the stroke is wide. */
export function dot({ x, y }: Place): string {
  return `M${x} ${y}h0`;
}

/** A place to a tenth of a pixel, which keeps paths short. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
