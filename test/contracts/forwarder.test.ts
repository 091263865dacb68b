import { getCreate2Address, getCreateAddress, keccak256, ZeroAddress } from 'ethers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownArtifact } from '../../devnet/evm/artifacts.ts';
import { type EvmRig, evmRig, newSalt, output } from '../support/evm.ts';

describe('deposit forwarders', () => {
  let rig: EvmRig;
  const factory = ownArtifact('DepositForwarderFactory').contract;
  const held = async (symbol: string, address: string) =>
    (await rig.chain.holding({ addresses: [address], coins: [] }, rig.asset(symbol).id, await rig.height())).units;
  const deposit = (salt: string) => rig.chain.depositAddress(0, salt).address;

  beforeAll(async () => {
    rig = await evmRig();
  });
  afterAll(() => rig?.close());

  it('lie at the CREATE2 address of factory, salt and code', async () => {
    const salt = newSalt();
    const implementation = getCreateAddress({ from: rig.settings.factory, nonce: 1 }).slice(2).toLowerCase();
    const proxy = `36600557005b363d3d373d3d3d363d73${implementation}5af43d82803e903d91603157fd5bf3`;
    const code = keccak256(`0x3d603380600a3d3981f3${proxy}`);
    expect(deposit(salt)).toBe(getCreate2Address(rig.settings.factory, salt, code));
    const query = { to: rig.settings.factory, data: factory.encodeFunctionData('depositAddress', [salt]) };
    const answer = String(await rig.dev.node.call('eth_call', [query, 'latest']));
    expect(factory.decodeFunctionResult('depositAddress', answer)[0]).toBe(deposit(salt));
    expect(deposit(newSalt())).not.toBe(deposit(salt));
  });

  it('sweeps many addresses of a token in one transaction, twice, without losing a unit', async () => {
    for (const symbol of ['USDC', 'USDT', 'DAI']) {
      const salts = Array.from({ length: 25 }, newSalt);
      for (const [n, salt] of salts.entries()) await rig.wallet.mint(symbol, deposit(salt), BigInt(n));
      const before = await held(symbol, rig.hot.address);
      const { txId } = await rig.send({ call: sweep(symbol, salts) });
      expect(await rig.chain.find(txId)).toMatchObject({ kind: 'included', success: true });
      expect((await held(symbol, rig.hot.address)) - before).toBe(300n);
      await rig.wallet.mint(symbol, deposit(salts[0] ?? ''), 7n);
      await rig.send({ call: sweep(symbol, salts) });
      expect((await held(symbol, rig.hot.address)) - before).toBe(307n);
    }
  });

  it('sweeps ether that arrived before and after the contract exists', async () => {
    const salt = newSalt();
    const stranger = rig.dev.deployment.accounts.payer.address;
    for (const units of [10n ** 18n, 5n]) {
      await rig.wallet.pay({ token: null, to: deposit(salt), units });
      const before = await held('ETH', rig.hot.address);
      const call = rig.chain.sweepCall('ETH', [salt]);
      await rig.dev.node.mined(await rig.dev.node.send({ from: stranger, to: call.to, data: call.data }));
      expect(await held('ETH', deposit(salt))).toBe(0n);
      expect((await held('ETH', rig.hot.address)) - before).toBe(units);
    }
  });

  it('take ether within the 2,300 gas that Solidity transfers leave', async () => {
    const salt = newSalt();
    await rig.send({ call: rig.chain.sweepCall('ETH', [salt]) });
    const payment = { from: rig.hot.address, to: deposit(salt), value: '0x1' };
    const gas = BigInt(String(await rig.dev.node.call('eth_estimateGas', [payment])));
    expect(gas).toBeGreaterThan(21_000n);
    expect(gas).toBeLessThan(21_000n + 2_300n);
  });

  it('send money to the treasury only, whoever calls', async () => {
    const salt = newSalt();
    await rig.wallet.mint('USDC', deposit(salt), 1_000n);
    const before = await held('USDC', rig.hot.address);
    const { to, data } = sweep('USDC', [salt]);
    const stranger = rig.dev.deployment.accounts.payer.address;
    await rig.dev.node.mined(await rig.dev.node.send({ from: stranger, to, data }));
    expect((await held('USDC', rig.hot.address)) - before).toBe(1_000n);
    await expect(rig.transact(rig.settings.factory, factory, 'setTreasury', [stranger])).rejects.toThrow();
  });

  it('leave out an address whose token refuses and sweep the rest', async () => {
    const token = await rig.deploy('FalseToken');
    const salts = [newSalt(), newSalt(), newSalt()];
    for (const salt of salts) await rig.transact(token.address, token.contract, 'mint', [deposit(salt), 100n]);
    await rig.transact(token.address, token.contract, 'setBlocked', [deposit(salts[1] ?? ''), true]);
    const data = factory.encodeFunctionData('sweep', [token.address, salts]);
    const { txId } = await rig.send({ call: { to: rig.settings.factory, data, value: 0n } });
    const receipt = (await rig.dev.node.call('eth_getTransactionReceipt', [txId])) as {
      logs: { topics: string[]; data: string }[];
    };
    const refused = receipt.logs.map((log) => factory.parseLog(log)).filter((log) => log?.name === 'NotSwept');
    expect(refused.map((log) => log?.args['salt'])).toEqual([salts[1]]);
    const balances = await Promise.all(salts.map((salt) => balanceOf(token.address, deposit(salt))));
    expect(balances).toEqual([0n, 100n, 0n]);
    expect(await balanceOf(token.address, rig.hot.address)).toBe(200n);
  });

  it('follow the treasury the owner sets, for old addresses too', async () => {
    const owner = rig.dev.deployment.accounts.deployer.address;
    const next = rig.dev.deployment.accounts.bot.address;
    const setTreasury = async (to: string) => {
      const data = factory.encodeFunctionData('setTreasury', [to]);
      await rig.dev.node.mined(await rig.dev.node.send({ from: owner, to: rig.settings.factory, data }));
    };
    const salt = newSalt();
    await rig.wallet.mint('DAI', deposit(salt), 3n);
    await setTreasury(next);
    await expect(rig.chain.verify()).rejects.toThrow(/sweeps to/);
    const before = await held('DAI', next);
    await rig.send({ call: sweep('DAI', [salt]) });
    expect((await held('DAI', next)) - before).toBe(3n);
    await setTreasury(rig.hot.address);
    await expect(setTreasury(ZeroAddress)).rejects.toThrow();
  });

  it('cost less gas than the driver estimates', async () => {
    const salts = Array.from({ length: 10 }, newSalt);
    for (const salt of salts) await rig.wallet.mint('USDC', deposit(salt), 5n);
    const { txId } = await rig.send({ call: sweep('USDC', salts) });
    const receipt = (await rig.dev.node.call('eth_getTransactionReceipt', [txId])) as { gasUsed: string };
    const estimate = rig.chain.estimateFee({ inputs: 10, outputs: 0, asset: rig.asset('USDC').id }, 1n).units;
    expect(BigInt(receipt.gasUsed)).toBeLessThanOrEqual(estimate);
    expect(BigInt(receipt.gasUsed) * 2n).toBeGreaterThan(estimate);
  });

  it('are paid out of in batches: all or none', async () => {
    const payees = [rig.dev.deployment.accounts.payer.address, deposit(newSalt())];
    for (const symbol of ['USDC', 'USDT']) {
      await rig.wallet.mint(symbol, rig.hot.address, 1_000n);
      const allowance = { owner: rig.hot.address, token: rig.token(symbol), spender: rig.dev.deployment.batchPayer };
      for (const units of [40n, 50n]) {
        for (;;) {
          const call = await rig.chain.allowanceCall({ ...allowance, units });
          if (call === null) break;
          await rig.send({ call });
        }
      }
      const before = await Promise.all(payees.map((address) => held(symbol, address)));
      const outputs = payees.map((address, n) => output(address, rig.asset(symbol), 20n + BigInt(n) * 10n));
      await rig.send({ outputs });
      const after = await Promise.all(payees.map((address) => held(symbol, address)));
      expect(after.map((units, n) => units - (before[n] ?? 0n))).toEqual([20n, 30n]);
      await expect(rig.send({ outputs })).rejects.toThrow(/revert/);
    }
  });

  const sweep = (symbol: string, salts: readonly string[]) => rig.chain.sweepCall(rig.asset(symbol).id, salts);
  const balanceOf = async (token: string, address: string) => {
    const data = ownArtifact('TestToken').contract.encodeFunctionData('balanceOf', [address]);
    return BigInt(String(await rig.dev.node.call('eth_call', [{ to: token, data }, 'latest'])));
  };
});
