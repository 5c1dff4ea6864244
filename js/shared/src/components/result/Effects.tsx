import { formatCount, formatPoints, formatScore } from "../../format";
import type {
  Effect,
  EffectCell,
  EffectsView,
  FormatEffects,
  PredictorEffects,
} from "../../generated/view-model";
import { SafeText } from "../base/SafeText";
import { counted } from "../drill/counted";

/** What each instruction and each demo set adds, and how they do together: a table of shades. */
export function Effects({ effects }: { readonly effects: EffectsView }) {
  const { told, by_predictor: predictors, left_out: leftOut } = effects;
  return (
    <section class="mipro-effects">
      <h3>What instructions and demos add</h3>
      {predictors.map((each) => (
        <OfPredictor key={each.predictor} effects={each} named={predictors.length > 1} />
      ))}
      {leftOut > 0 && <p>{counted(leftOut, "more predictor")} are not shown.</p>}
      {effects.formats && <OfFormats effects={effects.formats} />}
      <p class="mipro-muted mipro-small">{told}</p>
    </section>
  );
}

function OfFormats({ effects: { formats, told } }: { readonly effects: FormatEffects }) {
  return (
    <>
      <h4>Prompt formats</h4>
      <ul class="mipro-result-told">
        {told.map((sentence) => (
          <li key={sentence}>
            <SafeText text={sentence} />
          </li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of keys */}
      <section class="mipro-effects-frame" aria-label="Prompt formats" tabIndex={0}>
        <table>
          <caption class="mipro-only-read">What each prompt format adds to the score</caption>
          <thead>
            <tr>
              {formats.map((each) => (
                <th key={each.format} scope="col">
                  <SafeText text={each.format} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              {formats.map((each, place) => (
                <td key={each.format} class="mipro-effects-cell">
                  {place === 0 ? "the student’s" : added(each)}
                </td>
              ))}
            </tr>
          </tbody>
        </table>
      </section>
    </>
  );
}

function added({ adds, margin }: Pick<Effect, "adds" | "margin">): string {
  return adds === null ? "not tried" : `${formatPoints(adds)} ± ${formatScore(margin)}`;
}

interface OfPredictorProps {
  readonly effects: PredictorEffects;
  readonly named: boolean;
}

function OfPredictor({ effects, named }: OfPredictorProps) {
  const { predictor, instructions, demo_sets: demoSets, told, left_out: leftOut } = effects;
  const scores = instructions.flatMap(({ cells }) => cells.map(({ score }) => score));
  const lowest = Math.min(...scores);
  const range = Math.max(...scores) - lowest || 1;
  return (
    <>
      {named && (
        <h4>
          <SafeText text={predictor} />
        </h4>
      )}
      <ul class="mipro-result-told">
        {told.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of keys */}
      <section class="mipro-effects-frame" aria-label={`Scores, ${predictor}`} tabIndex={0}>
        <table>
          <caption class="mipro-only-read">
            Scores of <SafeText text={predictor} /> by instruction and demo set
          </caption>
          <thead>
            <tr>
              <td />
              {demoSets.map((each) => (
                <th key={each.index} scope="col">
                  <Head effect={each} first="No demos" name="Demos" />
                </th>
              ))}
              {demoSets.length === 0 && <th scope="col">Score</th>}
            </tr>
          </thead>
          <tbody>
            {instructions.map((each) => (
              <tr key={each.index}>
                <th scope="row">
                  <Head effect={each} first="Your instruction" name="Instruction" />
                </th>
                {each.cells.map((cell, column) => (
                  <Cell
                    key={demoSets[column]?.index ?? 0}
                    cell={cell}
                    shade={(cell.score - lowest) / range}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {leftOut > 0 && (
        <p class="mipro-muted mipro-small">{counted(leftOut, "more candidate")} did worse.</p>
      )}
    </>
  );
}

interface HeadProps {
  readonly effect: Effect;
  readonly first: string;
  readonly name: string;
}

function Head({ effect, first, name }: HeadProps) {
  const { index } = effect;
  if (index === 0) {
    return <>{first}</>;
  }
  return (
    <>
      {name} {index} <span class="mipro-effects-adds">{added(effect)}</span>
    </>
  );
}

/** A score: the higher, the more it is shaded; what was not tried is written lighter. */
function Cell({ cell, shade }: { readonly cell: EffectCell; readonly shade: number }) {
  const { score, margin, examples, result } = cell;
  const classes = [
    "mipro-effects-cell",
    examples === 0 && "mipro-effects-cell--untried",
    result && "mipro-effects-cell--result",
  ];
  return (
    <td class={classes.filter(Boolean).join(" ")} style={{ "--mipro-shade": `${shade * 42}%` }}>
      <span class="mipro-effects-score">{formatScore(score)}</span> ± {formatScore(margin)}
      <span class="mipro-effects-rests">
        {result && "result, "}
        {examples === 0 ? "not tried" : `${formatCount(examples)} scored`}
      </span>
    </td>
  );
}
