import type { PermissionRequest, SettingGroup, SettingView } from "../../generated/view-model";
import { settingText } from "../../model/words";
import { Button } from "../base/Button";
import { Checkbox, TextField } from "../base/Field";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import type { Changes } from "./changes";

interface PlanSettingsProps {
  readonly request: PermissionRequest;
  readonly changes: Changes;
  readonly disabled: boolean;
}

/** The settings: what is not the default first, then what can be changed here, then all of them. */
export function PlanSettings({ request, changes, disabled }: PlanSettingsProps) {
  const groups = request.groups ?? [namedOnly(request.settings)];
  const settings = groups.flatMap((group) => group.settings);
  const minibatch = settings.find(({ name }) => name === "minibatch");
  const batches = minibatch === undefined || changes.shown(minibatch) === true;
  const changed = settings.filter((setting) => setting.changed);
  return (
    <section class="mipro-plan-settings" aria-label="Settings">
      <p class="mipro-caps-title">
        <strong>Settings</strong>{" "}
        <Differing settings={settings} told={request.groups !== undefined} />
      </p>
      <div class="mipro-setting-fields">
        {settings
          .filter((setting) => setting.changeable)
          .map((setting) =>
            typeof setting.value === "boolean" ? (
              <Checkbox
                key={setting.name}
                label={setting.label}
                checked={changes.shown(setting) === true}
                disabled={disabled}
                onChange={(value) => changes.type(setting.name, value)}
              />
            ) : (
              <TextField
                key={setting.name}
                label={setting.label}
                numeric
                value={String(changes.shown(setting))}
                {...(setting.default === null ? { placeholder: "none" } : {})}
                disabled={disabled || (setting.name === "minibatch_size" && !batches)}
                onInput={(value) => changes.type(setting.name, value)}
                error={changes.wrong(setting)}
              />
            ),
          )}
      </div>
      {request.resumes != null && (
        <p class="mipro-field-hint">A run that is resumed keeps its other settings.</p>
      )}
      {changes.refused !== null && <Notice tone="danger">{changes.refused}</Notice>}
      {changed.length > 0 && (
        <p class="mipro-small">
          Changed here, not in the code: <Told settings={changed} before={inCode} />{" "}
          <Button kind="quiet" onClick={changes.takeBack} disabled={disabled}>
            As in the code
          </Button>
        </p>
      )}
      <details class="mipro-all-settings">
        <summary>All settings</summary>
        <div class="mipro-setting-groups">
          {groups.map((group) => (
            <Group key={group.title} group={group} />
          ))}
        </div>
      </details>
    </section>
  );
}

function Differing({ settings, told }: { settings: readonly SettingView[]; told: boolean }) {
  const differing = settings.filter(({ differs }) => differs);
  if (!told) {
    return null;
  }
  if (differing.length === 0) {
    return <span class="mipro-muted">All of them are the defaults.</span>;
  }
  return (
    <span>
      <span class="mipro-muted">Not the defaults: </span>
      <Told
        settings={differing}
        before={(setting) =>
          setting.default === null ? null : `default ${settingText(setting.default)}`
        }
      />
    </span>
  );
}

function inCode({ changed_from: before }: SettingView): string | null {
  return before === undefined ? null : `${settingText(before)} in the code`;
}

interface ToldProps {
  readonly settings: readonly SettingView[];
  /** What each would be else; null where that is not known. */
  readonly before: (setting: SettingView) => string | null;
}

/** Settings in a line: "trials 20 (default 30) · seed 3". */
function Told({ settings, before }: ToldProps) {
  return (
    <>
      {settings.map((setting, place) => (
        <span key={setting.name} title={setting.name}>
          {setting.label} <SafeText text={settingText(setting.value)} />
          {before(setting) !== null && (
            <span class="mipro-muted">
              {" ("}
              <SafeText text={before(setting) ?? ""} />)
            </span>
          )}
          {place < settings.length - 1 && " · "}
        </span>
      ))}
    </>
  );
}

function Group({ group }: { readonly group: SettingGroup }) {
  return (
    <div>
      <h3>{group.title}</h3>
      <dl class="mipro-setting-list">
        {group.settings.map(({ name, label, value, differs }) => (
          <div key={name} class={differs ? "mipro-setting--differs" : undefined}>
            <dt>
              <SafeText text={label} />
              {label !== name && <code class="mipro-muted">{name}</code>}
            </dt>
            <dd>
              <SafeText text={settingText(value)} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** What older versions saved: names and values. */
function namedOnly(settings: PermissionRequest["settings"]): SettingGroup {
  return {
    title: "Plan",
    settings: Object.entries(settings).map(([name, value]) => ({
      name,
      label: name,
      value,
      default: null,
      differs: false,
      changeable: false,
      changed: false,
    })),
  };
}
