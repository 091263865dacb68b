import { RequestMethod } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ANSWER, NEEDS, PUBLIC } from './decorators.ts';

/** The routes Fastify serves, to tell a wrong method from a wrong path. */
export class RouteTable {
  private readonly routes: { readonly pattern: RegExp; readonly method: string }[] = [];

  add(url: string, methods: string | readonly string[]): void {
    const pattern = new RegExp(`^${url.replace(/[.+?^$()|[\]\\]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}/?$`);
    for (const method of [methods].flat()) this.routes.push({ pattern, method });
  }

  /** The methods of a path; none if it is unknown. */
  methodsAt(url: string): string[] {
    const [path = ''] = url.split('?');
    return [...new Set(this.routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))].sort();
  }
}

/**
 * Refuses to start with a route that is unsafe by omission: each handler says who may call it and what it answers, and
 * a POST has a caller, since its Idempotency-Key belongs to one.
 * @throws Error naming every route at fault.
 */
export function checkRoutes(app: NestFastifyApplication): void {
  const scanner = new MetadataScanner();
  const faults: string[] = [];
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype: Record<string, unknown> = metatype.prototype;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name];
        if (typeof handler !== 'function' || Reflect.getMetadata('path', handler) === undefined) continue;
        faults.push(...faultsOf(handler, metatype).map((fault) => `${metatype.name}.${name} ${fault}`));
      }
    }
  }
  if (faults.length > 0) throw new Error(`routes: ${faults.join('; ')}`);
}

function faultsOf(handler: object, controller: object): string[] {
  const has = (key: string) => Reflect.hasMetadata(key, handler) || Reflect.hasMetadata(key, controller);
  const faults: string[] = [];
  if (!has(PUBLIC) && !has(NEEDS)) faults.push('has neither @Public nor @Needs');
  if (!has(ANSWER)) faults.push('has no @Answers');
  if (Reflect.getMetadata('method', handler) === RequestMethod.POST && has(PUBLIC)) faults.push('is a public POST');
  return faults;
}
