// Runs inside the project's node (20 or later) as a reporter of its test runner: tells what each test did, as it ends.
//
//     npm test ─► node --test, by NODE_OPTIONS ─► this file, copied beside the report ─► report.jsonl
//
// Ids are `path::suite::name`, paths from the root of the repository. A file that fails as a whole is one error.

import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const report = path.join(path.dirname(fileURLToPath(import.meta.url)), 'report.jsonl');
const root = process.env.OSSA_TEST_ROOT;
const silent = !root || Boolean(process.env.OSSA_TEST_OWNER);
const STDERR_KEPT = 8000;

if (!silent) process.env.OSSA_TEST_OWNER = String(process.pid);

function write(kind, values) {
  appendFileSync(report, JSON.stringify({ kind, ...values }) + '\n');
}

function inside(file) {
  const local = file?.startsWith('file:') ? fileURLToPath(file) : file;
  return local ? path.relative(root, path.resolve(local)).split(path.sep).join('/') : '';
}

// The error itself, not the one that the runner wraps it in.
function describe(error) {
  const cause = error?.cause instanceof Error ? error.cause : error;
  const message = String(cause?.message ?? cause ?? '');
  return { message: message.slice(0, 2000), trace: String(cause?.stack ?? message).slice(0, 20000) };
}

class Teller {
  names = [];
  said = new Map();
  tests = 0;
  failed = 0;

  take({ type, data }) {
    if (type === 'test:dequeue' && this.isFile(data)) write('start', { id: inside(data.file) });
    else if (type === 'test:complete' && this.isFile(data)) write('finish', { id: inside(data.file) });
    else if (type === 'test:start') this.names.splice(data.nesting, Infinity, data.name);
    else if (type === 'test:stderr') this.hear(data);
    else if (type === 'test:pass') this.result(data, 'passed');
    else if (type === 'test:fail') this.result(data, 'failed');
  }

  isFile(data) {
    return data.nesting === 0 && Boolean(data.file) && inside(data.name) === inside(data.file);
  }

  hear({ file, message }) {
    this.said.set(file, ((this.said.get(file) ?? '') + message).slice(-STDERR_KEPT));
  }

  result(data, outcome) {
    const suite = data.details?.type === 'suite';
    const error = data.details?.error;
    if (this.isFile(data) ? outcome === 'passed' : suite && outcome === 'passed') return;
    if (outcome === 'failed' && error?.failureType === 'subtestsFailed') return;
    this.tests += 1;
    const left = data.skip !== undefined || data.todo !== undefined;
    const seconds = (data.details?.duration_ms ?? 0) / 1000;
    if (left) write('result', { id: this.id(data), outcome: 'skipped', seconds });
    else if (outcome === 'passed') write('result', { id: this.id(data), outcome, seconds });
    else this.failure(data, error, seconds);
  }

  failure(data, error, seconds) {
    this.failed += 1;
    if (!this.isFile(data)) {
      write('result', { id: this.id(data), outcome: 'failed', seconds, ...describe(error) });
      return;
    }
    const trace = this.said.get(data.file) ?? '';
    const line = trace.split('\n').find((text) => /^(\w*Error\b.*|Uncaught .*)/.test(text));
    const message = line ?? describe(error).message;
    write('result', { id: inside(data.file), outcome: 'error', seconds, message, trace });
  }

  id(data) {
    if (this.isFile(data)) return inside(data.file);
    return [inside(data.file), ...this.names.slice(0, data.nesting), data.name].filter(Boolean).join('::');
  }

  end() {
    write('end', { status: this.failed ? 1 : this.tests ? 0 : 5 });
  }
}

export default async function* reporter(source) {
  const teller = silent ? null : new Teller();
  for await (const event of source) teller?.take(event);
  teller?.end();
}
