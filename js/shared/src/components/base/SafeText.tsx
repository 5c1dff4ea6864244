import { pieces } from "../../text";

/** A short text that nobody vouches for, in line: what cannot be seen in it is marked. */
export function SafeText({ text }: { readonly text: string }) {
  return (
    <bdi class="mipro-safetext">
      {pieces(text).map((piece, place) =>
        piece.kind === "text" ? (
          piece.text
        ) : (
          <span key={place} class="mipro-mark" title={piece.name}>
            {piece.label}
            {piece.count > 1 && `×${piece.count}`}
          </span>
        ),
      )}
    </bdi>
  );
}
