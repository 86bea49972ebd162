import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TemplateRenderer, type TemplateRendererOptions } from '../../src/services/template-renderer.js';
import type { TemplateContext } from '../../src/text/chat-template.js';

const CONTEXT: TemplateContext = { messages: [{ role: 'user', content: 'Hi \uD800' }], add_generation_prompt: true };
const GREET = '{{ messages[0].content }}!';

const opened: TemplateRenderer[] = [];

function open(options?: TemplateRendererOptions): TemplateRenderer {
  const renderer = new TemplateRenderer(options);
  opened.push(renderer);
  return renderer;
}

/** A renderer whose worker runs this script. */
function openWith(script: string, options: TemplateRendererOptions = {}): TemplateRenderer {
  const folder = mkdtempSync(join(tmpdir(), 'mlxd-worker-'));
  const workerFile = join(folder, 'worker.mjs');
  writeFileSync(workerFile, `import { parentPort } from 'node:worker_threads';\n${script}`);
  folders.push(folder);
  return open({ ...options, workerFile });
}
const folders: string[] = [];

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(opened.splice(0).map((renderer) => renderer.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

// `#template-worker` is the built file: `npm run build` comes first.
describe('TemplateRenderer', () => {
  it('renders in its worker, many prompts in order', async () => {
    const renderer = open();
    const prompts = Array.from({ length: 20 }, (_, i) => renderer.render(`${i} ${GREET}`, CONTEXT));
    expect(await Promise.all(prompts)).toEqual(prompts.map((_, i) => `${i} Hi \uD800!`));
  });

  it('passes on the template’s own words, and goes on', async () => {
    const renderer = open();
    const refused = renderer.render("{{ raise_exception('roles must alternate') }}", CONTEXT);
    await expect(refused).rejects.toMatchObject({ code: 'rejected', message: 'roles must alternate' });
    await expect(renderer.render('{% if %}', CONTEXT)).rejects.toMatchObject({ code: 'failed' });
    expect(await renderer.render(GREET, CONTEXT)).toContain('Hi');
  });

  it('ends a template that takes too long, without blocking the event loop, and starts anew', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const channel = new BroadcastChannel('mlxd-hangs');
    const hangs = new Promise((resolve) => {
      channel.onmessage = resolve;
    });
    const renderer = openWith(
      `parentPort.on('message', ({ template }) => {
         if (template === 'hang') {
           new BroadcastChannel('mlxd-hangs').postMessage('now');
           for (;;) {}
         }
         parentPort.postMessage({ prompt: template });
       });`,
      { timeoutMs: 200 },
    );
    const hung = renderer.render('hang', CONTEXT);
    const after = renderer.render('after', CONTEXT);
    await hangs; // This thread goes on meanwhile.
    channel.close();
    vi.advanceTimersByTime(200);
    await expect(hung).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('200 ms') });
    expect(await after).toBe('after');
  });

  it('survives a worker that dies', async () => {
    const renderer = openWith(
      `parentPort.on('message', ({ template }) => {
         if (template === 'die') throw new Error('boom');
         parentPort.postMessage({ prompt: template });
       });`,
    );
    await expect(renderer.render('die', CONTEXT)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('boom'),
    });
    expect(await renderer.render('alive', CONTEXT)).toBe('alive');
  });

  it('rejects what it was doing when it is closed, and everything after', async () => {
    const renderer = openWith("parentPort.on('message', () => {});");
    const [running, waiting] = [renderer.render('a', CONTEXT), renderer.render('b', CONTEXT)];
    const rejected = Promise.allSettled([running, waiting]);
    await renderer.close();
    expect((await rejected).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(renderer.render(GREET, CONTEXT)).rejects.toMatchObject({ code: 'failed' });
  });
});
