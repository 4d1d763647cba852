import { describe, expect, test } from "vitest";
import { costText, monthlyCost, totals } from "../../shared/console/money.ts";

const eur = (unit_price: string, billing_cycle: string, more: object = {}) => ({
  unit_price,
  billing_cycle,
  currency: "EUR",
  ...more,
});

/** Cost a month and a year of one record. */
function texts(metadata: Record<string, unknown>): [string, string] {
  const cost = monthlyCost(metadata);
  if (cost === null) throw new Error("no cost");
  return [costText(cost, 1, "en"), costText(cost, 12, "en")];
}

describe("what a subscription costs", () => {
  test.each([
    ["19.99 a month", eur("19.99", "monthly"), "€19.99", "€239.88"],
    ["15.00 a seat and year, 12 seats", eur("15.00", "annual", { seats: 12 }), "€15.00", "€180.00"],
    [
      "a flat price counts once, whatever the seats",
      eur("100", "monthly", { seats: 9, billing_model: "flat" }),
      "€100.00",
      "€1,200.00",
    ],
    ["a third of ten is rounded, its year is not rounded twice", eur("10", "quarterly"), "€3.33", "€40.00"],
    ["half a cent is rounded up", eur("0.03", "semiannual"), "€0.01", "€0.06"],
    ["two years", eur("1200", "biennial"), "€50.00", "€600.00"],
    ["three years", eur("1200", "triennial"), "€33.33", "€400.00"],
    ["more places than the currency has", eur("0.1234", "monthly", { seats: 1000 }), "€123.40", "€1,480.80"],
    [
      "an amount that no number holds to the cent",
      eur("123456789012345678.99", "monthly"),
      "€123,456,789,012,345,678.99",
      "€1,481,481,468,148,148,147.88",
    ],
    ["a currency without cents", { ...eur("1000", "quarterly"), currency: "JPY" }, "¥333", "¥4,000"],
    ["one with three places", { ...eur("1", "quarterly"), currency: "KWD" }, "KWD 0.333", "KWD 4.000"],
  ])("%s", (_, metadata, month, year) => {
    expect(texts(metadata).map((text) => text.replaceAll("\u00a0", " "))).toEqual([month, year]);
  });

  test.each([
    ["without a price", { billing_cycle: "monthly", currency: "EUR" }],
    ["without a currency", { unit_price: "1", billing_cycle: "monthly" }],
    ["with a cycle that nobody knows", eur("1", "weekly")],
    ["with a price that is no decimal", eur("1,5", "monthly")],
  ])("%s it is not known", (_, metadata) => {
    expect(monthlyCost(metadata)).toBeNull();
  });

  test("is the least that it costs where use is billed besides", () => {
    expect(monthlyCost(eur("10", "monthly", { billing_model: "usage", seats: 5 }))).toMatchObject({ isLeast: true });
    expect(texts(eur("10", "monthly", { billing_model: "usage", seats: 5 }))[0]).toBe("€10.00");
  });

  test("is added up by currency, exactly, and never converted", () => {
    const records = [
      eur("0.1", "monthly"),
      eur("0.2", "monthly"),
      eur("10", "quarterly"),
      eur("10", "quarterly"),
      eur("10", "quarterly"),
      { ...eur("8.75", "monthly", { seats: 40 }), currency: "USD" },
    ];
    const sums = totals(records.flatMap((record) => monthlyCost(record) ?? []));
    expect(sums.map((sum) => [costText(sum, 1, "en"), costText(sum, 12, "en")])).toEqual([
      ["€10.30", "€123.60"],
      ["$350.00", "$4,200.00"],
    ]);
  });
});
