import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { type Html, html } from '../html.ts';

const WIDTH = 120;
const HEIGHT = 24;
const MARGIN = 2;

/**
 * A line of shares from 0 to 1, one for each day; days without mail interrupt it. The scale is fixed, so that
 * the lines of a list compare.
 * @param label what it shows, for those who do not see it
 */
export function spark(shares: readonly (number | null)[], label: string): Html {
  const x = scaleLinear([0, Math.max(1, shares.length - 1)], [MARGIN, WIDTH - MARGIN]);
  const y = scaleLinear([0, 1], [HEIGHT - MARGIN, MARGIN]);
  const known = (share: number | null) => share !== null;
  const points = line<number | null>(
    (_, i) => x(i),
    (share) => y(share!),
  ).defined(known)([...shares]);
  const below = area<number | null>(
    (_, i) => x(i),
    HEIGHT - MARGIN,
    (share) => y(share!),
  ).defined(known)([...shares]);
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${label}">
<path class="area" d="${below}"/><path class="line" d="${points}"/></svg>`;
}
