import { Button } from "../base/Button";

interface FilterChoiceProps<Id extends string> {
  /** What is chosen from, read aloud. */
  readonly label: string;
  readonly filters: readonly { readonly id: Id; readonly label: string; readonly count: number }[];
  readonly selected: Id;
  readonly onSelect: (id: Id) => void;
}

/** A row of filters with the number of rows that each lets through. */
export function FilterChoice<Id extends string>({
  label,
  filters,
  selected,
  onSelect,
}: FilterChoiceProps<Id>) {
  return (
    <fieldset class="mipro-choices" aria-label={label}>
      {filters.map((filter) => (
        <Button
          key={filter.id}
          kind="quiet"
          pressed={filter.id === selected}
          onClick={() => onSelect(filter.id)}
        >
          {filter.label} <span class="mipro-choices-count">{filter.count}</span>
        </Button>
      ))}
    </fieldset>
  );
}
