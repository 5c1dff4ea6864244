import type { ComponentChildren } from "preact";
import { usePageId } from "../../model/ids";
import { classes } from "./classes";

interface TextFieldProps {
  readonly label: string;
  /** The label is read aloud only; what the field is for must be plain from what stands around. */
  readonly hideLabel?: boolean;
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** Written before what is typed: a unit. */
  readonly prefix?: string | undefined;
  readonly placeholder?: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with the value; null while it is right. */
  readonly error?: string | null;
  readonly disabled?: boolean;
  readonly numeric?: boolean;
}

export function TextField({
  label,
  hideLabel = false,
  value,
  onInput,
  prefix,
  hint,
  error = null,
  numeric = false,
  ...rest
}: TextFieldProps) {
  const id = usePageId();
  return (
    <div class="mipro-field">
      <label for={id} class={hideLabel ? "mipro-only-read" : "mipro-field-label"}>
        {label}
      </label>
      <div class={classes("mipro-input", error !== null && "mipro-input--wrong")}>
        {prefix && <span class="mipro-input-unit">{prefix}</span>}
        <input
          {...rest}
          id={id}
          type="text"
          inputMode={numeric ? "decimal" : undefined}
          autocomplete="off"
          spellcheck={false}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
          aria-invalid={error !== null}
          aria-describedby={error !== null || hint ? `${id}-hint` : undefined}
        />
      </div>
      {error !== null ? (
        <span class="mipro-field-error" id={`${id}-hint`}>
          {error}
        </span>
      ) : (
        hint && (
          <span class="mipro-field-hint" id={`${id}-hint`}>
            {hint}
          </span>
        )
      )}
    </div>
  );
}

interface CheckboxProps {
  readonly label: ComponentChildren;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
}

export function Checkbox({ label, checked, onChange, disabled = false }: CheckboxProps) {
  return (
    <label class="mipro-checkbox">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

interface SelectProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  readonly onChange: (value: Value) => void;
}

/** A choice of one; its label is read aloud only. */
export function Select<Value extends string>({
  label,
  value,
  options,
  onChange,
}: SelectProps<Value>) {
  return (
    <select
      class="mipro-select"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value as Value)}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
