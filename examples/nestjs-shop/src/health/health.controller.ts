import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { SpillwayHealthIndicator } from '@spillway/nestjs';

@Controller('health')
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(SpillwayHealthIndicator) private readonly spillway: SpillwayHealthIndicator,
  ) {}

  @Get('live')
  async live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.spillway.liveness('spillway')]);
  }

  @Get('ready')
  async ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.spillway.readiness('spillway')]);
  }

  @Get('lag')
  async lag(): Promise<HealthCheckResult> {
    return this.health.check([() => this.spillway.lag('lag', { maxAge: '1m' })]);
  }
}
