// Where things lie in the checkout. Every script takes its paths from here.

import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_MODEL } from '../pins.js';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const CACHE = resolve(process.env.MLXD_CACHE || join(ROOT, '.cache'));
export const BUILD = join(ROOT, 'build');
export const ADDON = join(BUILD, 'Release', 'mlxd.node');
export const CLI = join(ROOT, 'dist', 'cli.js');
export const MODEL = join(ROOT, 'models', DEFAULT_MODEL.name);

/** An executable of a development dependency. */
export const bin = (name: string): string => join(ROOT, 'node_modules', '.bin', name);
