import { integer, type Node, type Params, RpcError, text } from './rpc.ts';

/** What only a development chain can do. A real node answers "Method not found" to all of these. */
export const DEVNET_METHODS: Readonly<Record<string, (node: Node, params: Params) => unknown>> = {
  devnet_mine: ({ chain }, params) => {
    const count = integer(params, 'count') ?? 1;
    const spacingMs = integer(params, 'spacingMs') ?? undefined;
    if (!chain.produce(count, spacingMs)) throw new RpcError('the chain is halted');
    return { height: chain.height(), time: chain.tipTime().toISOString() };
  },
  devnet_setTime: ({ chain }, params) => {
    try {
      chain.setTime(new Date(text(params, 'time')));
    } catch (error) {
      throw new RpcError(error instanceof Error ? error.message : String(error));
    }
    return {};
  },
  devnet_halt: ({ chain }, params) => {
    chain.halted = params['on'] === true;
    return {};
  },
  devnet_withhold: ({ chain }, params) => {
    chain.mempool.withholding = params['on'] === true;
    return {};
  },
  devnet_loseNextAnswer: ({ faults }) => {
    faults.loseNextAnswer = true;
    return {};
  },
  devnet_lagIndex: ({ faults }, params) => {
    faults.indexLag = integer(params, 'blocks') ?? 0;
    return {};
  },
  devnet_forceInclude: ({ chain }, params) => {
    chain.forced.push(Buffer.from(text(params, 'tx'), 'base64'));
    return {};
  },
};
