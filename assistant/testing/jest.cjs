// Runs inside the project's jest as one of its reporters: tells what each test did, as it ends.
//
//     npm test -- --reporters=… ─► jest ─► this file, copied beside the report ─► report.jsonl
//
// Ids are `path::suite::name`, paths from the root of the repository. A file that cannot be run is one error.

const { appendFileSync } = require('node:fs');
const path = require('node:path');

const report = path.join(__dirname, 'report.jsonl');
const root = process.env.OSSA_TEST_ROOT ?? process.cwd();
const OUTCOMES = { passed: 'passed', failed: 'failed' };

function write(kind, values) {
  appendFileSync(report, JSON.stringify({ kind, ...values }) + '\n');
}

function inside(file) {
  return path.relative(root, file).split(path.sep).join('/');
}

function plain(text) {
  return String(text ?? '').replace(/\u001b\[[\d;]*m/g, '').slice(0, 20000);
}

// The matcher, and both values on one line where each has one.
function brief(trace) {
  const lines = trace.replace(/^Error: /, '').split(/\n\s+at /)[0].split('\n').filter((line) => line.trim());
  const values = lines.filter((line) => /^(Expected|Received)\b.*: /.test(line));
  return values.length === 2 ? `${lines[0]}\n${values.join(', ')}` : lines.join('\n');
}

function id(file, result) {
  return [inside(file), ...result.ancestorTitles, result.title].join('::');
}

class Reporter {
  onTestFileStart(test) {
    write('start', { id: inside(test.path) });
  }

  onTestResult(test, { testExecError, testResults, failureMessage }) {
    for (const result of testResults) {
      const trace = plain(result.failureMessages?.[0]);
      const outcome = OUTCOMES[result.status] ?? 'skipped';
      const message = brief(trace);
      write('result', { id: id(test.path, result), outcome, seconds: (result.duration ?? 0) / 1000, message, trace });
    }
    if (testExecError || (failureMessage && !testResults.length)) {
      const trace = plain(failureMessage);
      const message = trace.split('\n').map((line) => line.trim()).filter(Boolean)[1] ?? 'It could not be run.';
      write('result', { id: inside(test.path), outcome: 'error', seconds: 0, message, trace });
    }
    write('finish', { id: inside(test.path) });
  }

  onRunComplete(_, { numTotalTests, numTotalTestSuites, success, wasInterrupted }) {
    if (wasInterrupted) return;
    write('end', { status: numTotalTests || numTotalTestSuites ? (success ? 0 : 1) : 5 });
  }
}

module.exports = Reporter;
