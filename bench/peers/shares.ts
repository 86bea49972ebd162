// How near our figures come to what the machine allows. Pure.

import { BANDWIDTH_FLOOR, type TaskResult } from './floors.js';
import type { Bandwidth, Machine } from './machine.js';
import type { ModelCost } from './model-cost.js';
import type { Task } from './tasks.js';

export interface Share {
  label: string;
  /** Bytes a second that decoding reads at the least, over the bandwidth out of memory. */
  ofMemory?: number;
  /** The same over the rate at which a buffer of the weights' size is read again and again. */
  ofReread?: number;
  /** What `ofMemory` must reach; only a single stream has a floor. */
  floor?: number;
  /** Multiply-adds a second over the peak of float32 and of one int8 product each (VNNI); 0 peaks give none. */
  ofF32?: number;
  ofInt8?: number;
}

/** Share of our own result, if there is one; `bandwidth.reread` is that of a buffer as large as the weights. */
export function shareOf(
  result: TaskResult,
  task: Task,
  cost: ModelCost,
  machine: Machine,
  bandwidth: Bandwidth,
): Share | undefined {
  const rate = result.outcomes.find(({ peer }) => peer === 'mlxd')?.rate?.median;
  if (rate === undefined) return undefined;
  if (task.section === 'prefill') {
    const multiplyAdds = rate * cost.multiplyAdds;
    return {
      label: task.label,
      ofF32: multiplyAdds / machine.f32Rate,
      ...(machine.int8Rate > 0 && { ofInt8: multiplyAdds / machine.int8Rate }),
    };
  }
  const bytes = (rate / task.streams) * bytesAStep(task, cost);
  return {
    label: task.label,
    ofMemory: bytes / bandwidth.memory,
    ofReread: bytes / bandwidth.reread,
    ...(task.section !== 'batch' && task.section !== 'batch16' && { floor: BANDWIDTH_FLOOR }),
  };
}

/** The weights once, and each stream's keys and values: of its prompt and half of what is decoded, on average. */
export const bytesAStep = (task: Task, cost: ModelCost): number =>
  cost.weightBytes + task.streams * (task.prompt + task.steps / 2) * cost.kvBytesPerPosition;
