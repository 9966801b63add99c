// Statistics of the selected strategies and tasks, as experiments/statistics computes them.
// Symbols: s strategies, t tasks, r seeds, b budgets, k points of a curve.

const RESAMPLES = 1000;

const unpack = (text, Kind) => new Kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

// A small generator with a seed, so that a page says the same numbers whenever it is opened (mulberry32).
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

const integer = (random, n) => Math.floor(random() * n);
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const known = (values) => values.filter((value) => !Number.isNaN(value));

function quantile(sorted, q) {
  const at = q * (sorted.length - 1), low = Math.floor(at), high = Math.ceil(at);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

const median = (values) => quantile(Float64Array.from(values).sort(), 0.5);

// Ranks from 1, ties share the mean of theirs; means of the same numbers in another order are a tie.
function ranks(exact) {
  const values = exact.map((value) => Math.round(value * 1e9));
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

// Mean over tasks of the mean over seeds, with a 95 % interval: tasks are drawn, then seeds within each.
// values[s][t] = numbers by seed, NaN where there is no such run. Strategies share the draws.
function intervals(values, seed) {
  const S = values.length, T = values[0].length, R = values[0][0].length;
  const estimate = values.map((tasks) => mean(tasks.map((seeds) => mean(known(Array.from(seeds))))));
  const there = values[0].map((_, t) => [...Array(R).keys()].filter((r) => values.some((v) => !Number.isNaN(v[t][r]))));
  if (T === 1 && there[0].length === 1) return estimate.map((value) => [value, NaN, NaN]);
  const random = generator(seed);
  const samples = values.map(() => new Float64Array(RESAMPLES));
  for (let b = 0; b < RESAMPLES; b++) {
    for (let i = 0; i < T; i++) {
      const t = integer(random, T), pool = there[t];
      const sum = new Float64Array(S), count = new Float64Array(S);
      for (let j = 0; j < pool.length; j++) {
        const r = pool[integer(random, pool.length)];
        for (let s = 0; s < S; s++) {
          const value = values[s][t][r];
          if (value === value) { sum[s] += value; count[s] += 1; }
        }
      }
      for (let s = 0; s < S; s++) samples[s][b] += sum[s] / count[s] / T;
    }
  }
  return samples.map((draws, s) => {
    const sorted = draws.filter((value) => value === value).sort();
    return [estimate[s], quantile(sorted, 0.025), quantile(sorted, 0.975)];
  });
}

// A band around a mean curve: tasks are drawn, each with a normal error for the chance in its seeds.
// means[t][k], errors[t][k]. Returns [low, high], each of length k.
function band(means, errors, seed) {
  const T = means.length, K = means[0].length, B = 300;
  const random = generator(seed);
  const samples = Array.from({ length: K }, () => new Float64Array(B));
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < T; i++) {
      const t = integer(random, T), z = normal(random);
      for (let k = 0; k < K; k++) samples[k][b] += (means[t][k] + z * errors[t][k]) / T;
    }
  }
  samples.forEach((draws) => draws.sort());
  return [0.025, 0.975].map((q) => samples.map((draws) => Math.max(0, quantile(draws, q))));
}

// Friedman's test with the correction for ties. blocks[t][s], lower is better.
function friedman(blocks) {
  const n = blocks.length, k = blocks[0].length;
  const ranked = blocks.map(ranks);
  const average = ranked[0].map((_, s) => mean(ranked.map((row) => row[s])));
  let ties = 0;
  for (const row of ranked) {
    const counts = new Map();
    row.forEach((rank) => counts.set(rank, (counts.get(rank) || 0) + 1));
    counts.forEach((c) => { ties += c ** 3 - c; });
  }
  const squares = average.reduce((sum, rank) => sum + rank * rank, 0);
  const plain = (12 * n / (k * (k + 1))) * (squares - k * (k + 1) ** 2 / 4);
  const correction = 1 - ties / (n * k * (k * k - 1));
  const statistic = correction > 1e-12 ? plain / correction : 0;
  return { average, statistic, p: chiSquaredTail(statistic, k - 1), tested: k > 2 && n > 1 };
}

// Probability of a larger value under chi-squared, by the power series of the incomplete gamma function.
function chiSquaredTail(x, degrees) {
  if (x <= 0) return 1;
  const a = degrees / 2, h = x / 2;
  let logGamma = degrees % 2 ? 0.5 * Math.log(Math.PI) : 0; // of a + 1, from that of 1/2 or 1
  for (let i = degrees % 2 ? 0.5 : 1; i < a + 0.5; i++) logGamma += Math.log(i);
  let term = 1, sum = 1;
  for (let i = 1; term > 1e-17 * sum; i++) { term *= h / (a + i); sum += term; }
  return Math.max(0, 1 - Math.exp(a * Math.log(h) - h - logGamma) * sum);
}

// Strategies (positions in order of rank) that do not differ significantly; no group inside another.
function groups(sorted, cd) {
  const found = [];
  let end = 0;
  sorted.forEach((rank, i) => {
    let reach = i;
    while (reach < sorted.length && sorted[reach] <= rank + cd) reach++;
    if (reach > Math.max(end, i + 1)) { found.push([i, reach - 1]); end = reach; }
  });
  return found;
}

// The share of pairs of runs in which the first has the lower value, ties counting half.
function improvement(first, second) {
  const a = known(Array.from(first)), b = known(Array.from(second));
  let wins = 0;
  for (const x of a) for (const y of b) wins += x < y ? 1 : x === y ? 0.5 : 0;
  return wins / (a.length * b.length);
}
