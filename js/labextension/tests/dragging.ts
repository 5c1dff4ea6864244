/** Lumino extends the browser's class for dragging, which jsdom lacks. */
globalThis.DragEvent ??= class extends MouseEvent {} as typeof DragEvent;
