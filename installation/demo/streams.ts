import type { Signal } from "./signals.ts";
import type { CommunityKey, TenantKey } from "./world.ts";

export interface DemoStream {
  readonly externalId: string;
  readonly name: string;
  readonly uom: string | null;
  readonly tags: readonly string[];
  readonly signal: Signal;
  readonly sharedIn: readonly CommunityKey[];
}

const stream = (
  externalId: string,
  name: string,
  uom: string | null,
  tags: readonly string[],
  signal: Signal,
  sharedIn: readonly CommunityKey[] = [],
): DemoStream => ({ externalId, name, uom, tags, signal, sharedIn });

const numbers = (count: number) =>
  Array.from({ length: count }, (_, i) => i + 1);

const plant: readonly DemoStream[] = [
  ...numbers(4).map((n) =>
    stream(`FI-10${n}`, `Feed ${"ABCD"[n - 1]} flow`, "m3/h", ["feed"], {
      level: 12 * n,
      daily: 0.8,
      noise: 0.3,
      drift: 0.5,
    }),
  ),
  stream("TI-201", "Reactor temperature", "°C", ["reactor"], {
    level: 120.4,
    noise: 0.08,
    drift: 0.2,
  }),
  stream("PI-201", "Reactor pressure", "kPa", ["reactor"], {
    level: 2705,
    noise: 4,
    drift: 6,
    digits: 1,
  }),
  stream("LI-201", "Reactor level", "%", ["reactor"], {
    level: 75,
    noise: 0.6,
    drift: 0.8,
  }),
  stream(
    "TI-202",
    "Reactor cooling water outlet temperature",
    "°C",
    ["reactor", "cooling-water"],
    { level: 94.6, daily: 0.9, noise: 0.2 },
    ["coolingWater"],
  ),
  stream("AI-203", "Purge gas composition", "mol%", ["reactor", "quality"], {
    level: 23.9,
    noise: 0.2,
    drift: 0.4,
  }),
  stream("TI-301", "Separator temperature", "°C", ["separator"], {
    level: 80.1,
    noise: 0.1,
    drift: 0.2,
  }),
  stream("PI-301", "Separator pressure", "kPa", ["separator"], {
    level: 2634,
    noise: 5,
    digits: 1,
  }),
  stream("LI-301", "Separator level", "%", ["separator"], {
    level: 50,
    noise: 1,
  }),
  stream(
    "TI-302",
    "Condenser cooling water outlet temperature",
    "°C",
    ["separator", "cooling-water"],
    { level: 77.3, daily: 1.1, noise: 0.15 },
    ["coolingWater"],
  ),
  stream(
    "FI-401",
    "Recycle flow",
    "m3/h",
    ["compressor"],
    { level: 268, noise: 2, drift: 3 },
    ["compressors"],
  ),
  stream(
    "JI-401",
    "Compressor work",
    "kW",
    ["compressor"],
    { level: 341, daily: 3, noise: 0.8, drift: 2 },
    ["compressors"],
  ),
  stream(
    "SI-401",
    "Compressor speed",
    "rpm",
    ["compressor"],
    { level: 8960, noise: 12, drift: 20, digits: 0 },
    ["compressors"],
  ),
  stream(
    "PI-401",
    "Compressor suction pressure",
    "kPa",
    ["compressor"],
    { level: 2630, noise: 5, digits: 1 },
    ["compressors"],
  ),
  stream(
    "PI-402",
    "Compressor discharge pressure",
    "kPa",
    ["compressor"],
    { level: 3102, noise: 6, digits: 1 },
    ["compressors"],
  ),
  stream(
    "TI-401",
    "Compressor discharge temperature",
    "°C",
    ["compressor"],
    { level: 104, daily: 1.5, noise: 0.3 },
    ["compressors"],
  ),
  stream(
    "ZI-401",
    "Anti-surge valve position",
    "%",
    ["compressor"],
    { level: 22, noise: 0.8, drift: 1.2 },
    ["compressors"],
  ),
  ...numbers(4).map((n) =>
    stream(
      `VI-41${n}`,
      `Compressor bearing ${n} vibration`,
      "mm/s",
      ["compressor", "vibration"],
      { level: 1.8 + 0.2 * n, noise: 0.12, drift: 0.25 },
      ["compressors"],
    ),
  ),
  stream(
    "XS-401",
    "Compressor running",
    null,
    ["compressor"],
    { level: 0, states: { values: [1, 0], hours: 90 } },
    ["compressors"],
  ),
  stream("TI-501", "Stripper temperature", "°C", ["stripper"], {
    level: 65.7,
    noise: 0.2,
  }),
  stream("FI-501", "Stripper steam flow", "kg/h", ["stripper"], {
    level: 230,
    noise: 3,
  }),
  stream("LI-501", "Stripper level", "%", ["stripper"], {
    level: 50,
    noise: 1.1,
  }),
  stream("FI-502", "Product flow", "m3/h", ["stripper", "product"], {
    level: 22.9,
    noise: 0.3,
    drift: 0.4,
  }),
  stream("AI-503", "Product purity", "mol%", ["quality", "product"], {
    level: 97.8,
    noise: 0.05,
    drift: 0.1,
    digits: 3,
  }),
];

const vendor: readonly DemoStream[] = [
  ...numbers(3).flatMap((n) => [
    stream(`BENCH-${n}-SPEED`, `Test bench ${n} speed`, "rpm", ["bench"], {
      level: 9000,
      noise: 15,
      digits: 0,
    }),
    stream(
      `BENCH-${n}-VIB`,
      `Test bench ${n} vibration`,
      "mm/s",
      ["bench", "vibration"],
      { level: 1.2, noise: 0.1, drift: 0.1 },
    ),
    stream(
      `BENCH-${n}-TEMP`,
      `Test bench ${n} oil temperature`,
      "°C",
      ["bench"],
      { level: 58, daily: 2, noise: 0.4 },
    ),
  ]),
  stream(
    "FLEET-VIB-P50",
    "Fleet vibration, median",
    "mm/s",
    ["fleet", "vibration"],
    { level: 1.9, drift: 0.1 },
    ["compressors"],
  ),
  stream(
    "FLEET-VIB-P95",
    "Fleet vibration, 95th percentile",
    "mm/s",
    ["fleet", "vibration"],
    { level: 3.1, drift: 0.2 },
    ["compressors"],
  ),
  stream("FLEET-EFF", "Fleet efficiency", "%", ["fleet"], {
    level: 78.4,
    drift: 0.4,
  }),
];

const utility: readonly DemoStream[] = [
  ...numbers(3).flatMap((n) => [
    stream(
      `CT${n}-TI-SUP`,
      `Cooling tower ${n} supply temperature`,
      "°C",
      ["tower"],
      { level: 21, daily: 2.4, noise: 0.1 },
      ["coolingWater"],
    ),
    stream(
      `CT${n}-TI-RET`,
      `Cooling tower ${n} return temperature`,
      "°C",
      ["tower"],
      { level: 31, daily: 2.9, noise: 0.15 },
      ["coolingWater"],
    ),
    stream(
      `CT${n}-FI`,
      `Cooling tower ${n} flow`,
      "m3/h",
      ["tower"],
      { level: 840 + 20 * n, noise: 6, drift: 8, digits: 1 },
      ["coolingWater"],
    ),
    stream(`CT${n}-FAN`, `Cooling tower ${n} fan running`, null, ["tower"], {
      level: 0,
      states: { values: [1, 0], hours: 8 },
    }),
  ]),
  stream("WW-PH", "Make-up water pH", "pH", ["water"], {
    level: 7.6,
    noise: 0.03,
    drift: 0.05,
  }),
  stream("WW-COND", "Make-up water conductivity", "µS/cm", ["water"], {
    level: 480,
    noise: 4,
    drift: 10,
    digits: 0,
  }),
  stream(
    "WEATHER-T",
    "Outdoor temperature",
    "°C",
    ["weather"],
    { level: 14, daily: 6, noise: 0.3, drift: 3 },
    ["coolingWater"],
  ),
  stream("WEATHER-RH", "Outdoor humidity", "%", ["weather"], {
    level: 66,
    daily: -14,
    noise: 1,
    drift: 4,
  }),
];

/** Of each company; what it shares, and where. */
export const streams: Readonly<Record<TenantKey, readonly DemoStream[]>> = {
  plant,
  vendor,
  utility,
  analytics: [],
};
