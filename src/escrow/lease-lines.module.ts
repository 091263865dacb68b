import { Global, Module } from '@nestjs/common';
import { LeaseLines } from '../quotes/lease-lines.ts';
import { EscrowLeaseLines } from './lease-lines.service.ts';

/** Answers what quotes ask of leases. Global, as quotes stand to the left of them. */
@Global()
@Module({ providers: [{ provide: LeaseLines, useClass: EscrowLeaseLines }], exports: [LeaseLines] })
export class LeaseLinesModule {}
