/** What a subscription costs, as a fraction without rounding: `units / (72 × 10^scale)` of the currency a month. */
export interface Cost {
  currency: string;
  units: bigint;
  scale: number;
  /** Whether use is billed besides, so that this is the least that it costs. */
  isLeast: boolean;
}

/** Months of each cycle. */
const months: Readonly<Record<string, bigint>> = {
  monthly: 1n,
  quarterly: 3n,
  semiannual: 6n,
  annual: 12n,
  biennial: 24n,
  triennial: 36n,
};
/** A month of any cycle is a whole number of these parts. */
const PARTS = 72n;

/** The cost a month of a subscription's record; `null` where price, cycle or currency is missing or not understood. */
export function monthlyCost(metadata: Readonly<Record<string, unknown>>): Cost | null {
  const { unit_price: price, billing_cycle: cycle, currency, seats, billing_model: model } = metadata;
  const cycleMonths = typeof cycle === "string" ? months[cycle] : undefined;
  if (typeof price !== "string" || typeof currency !== "string" || cycleMonths === undefined) return null;
  const digits = /^(\d+)(?:\.(\d+))?$/.exec(price);
  if (!digits) return null;
  const [, whole = "", fraction = ""] = digits;
  const perSeat = model === "per_seat" || model === undefined;
  const count = perSeat && typeof seats === "number" && Number.isInteger(seats) ? BigInt(seats) : 1n;
  return {
    currency,
    units: (BigInt(whole + fraction) * count * PARTS) / cycleMonths,
    scale: fraction.length,
    isLeast: model === "usage" || model === "tiered" || model === "hybrid",
  };
}

/** Costs added up, one for each currency, in the order of the currencies' names. */
export function totals(costs: readonly Cost[]): Cost[] {
  const sums = new Map<string, Cost>();
  for (const cost of costs) {
    const sum = sums.get(cost.currency);
    if (sum === undefined) sums.set(cost.currency, cost);
    else {
      const scale = Math.max(sum.scale, cost.scale);
      const units = atScale(sum, scale) + atScale(cost, scale);
      sums.set(cost.currency, { ...sum, units, scale, isLeast: sum.isLeast || cost.isLeast });
    }
  }
  return [...sums.values()].sort((left, right) => left.currency.localeCompare(right.currency));
}

/** The cost of so many months as people write it, rounded once, half up, to the currency's smallest unit. */
export function costText(cost: Cost, overMonths: 1 | 12, locale?: string): string {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency: cost.currency });
  const places = format.resolvedOptions().maximumFractionDigits ?? 2;
  const divisor = PARTS * 10n ** BigInt(cost.scale);
  const scaled = cost.units * BigInt(overMonths) * 10n ** BigInt(places);
  const rounded = (scaled * 2n + divisor) / (divisor * 2n);
  const text = rounded.toString().padStart(places + 1, "0");
  const cut = text.length - places;
  // The fraction is put in as text: a number would lose cents of large amounts.
  return format
    .formatToParts(BigInt(text.slice(0, cut)))
    .map(({ type, value }) => (type === "fraction" ? text.slice(cut) : value))
    .join("");
}

function atScale({ units, scale }: Cost, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}
