import { Button } from "./Button";
import { Notice } from "./Notice";
import { SafeText } from "./SafeText";

interface RefusalProps {
  readonly reason: string;
  /** Asks again; absent where that goes on by itself. */
  readonly onAgain?: () => void;
}

/** Why there is nothing to show. */
export function Refusal({ reason, onAgain }: RefusalProps) {
  return (
    <Notice tone="danger">
      <SafeText text={reason} />
      {onAgain && (
        <>
          {" "}
          <Button kind="quiet" onClick={onAgain}>
            Try again
          </Button>
        </>
      )}
    </Notice>
  );
}
