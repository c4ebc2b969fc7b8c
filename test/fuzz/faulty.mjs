/** A reader with faults, for the tests of the fuzzer: what it does depends on the length of what it reads. */
const kept = [];

export async function* readMessage(raw) {
  const fault = process.env.FUZZ_FAULT;
  if (raw.length % 40 === 7) {
    if (fault === 'throw') throw new TypeError('planted');
    if (fault === 'hang') for (;;) raw.length;
    if (fault === 'silence') return;
    if (fault === 'memory') for (;;) kept.push(new Array(1_000_000).fill(raw.length));
    if (fault === 'count') {
      yield { type: 'report', part: 0, name: null, report: { kind: 'aggregate', records: 1, messages: 0, problems: [] } };
      return;
    }
  }
  if (fault === 'growth') kept.push(Buffer.alloc(16 * 1024, 1));
  yield { type: 'nothing', problem: { code: 'no_report', message: 'There is no report in it.' } };
}
