import { Collection, type EventArgs, type Opt, type Ref } from '@mikro-orm/core';
import {
  BeforeCreate,
  Embeddable,
  Embedded,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/legacy';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import {
  IsEmail,
  IsInt,
  IsNotEmpty,
  IsOptional,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
  ValidationError,
} from 'class-validator';
import { randomUUID } from 'node:crypto';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import {
  spillway,
  SpillwayRepository,
  ValidationFailedError,
  WriteBehind,
  WriteThrough,
  type SpillwayOptions,
} from '../../../src/index.js';

@Embeddable()
export class Zone {
  @Length(2, 2)
  @Property({ type: 'string' })
  country!: string;
}

@Embeddable()
export class Address {
  @IsNotEmpty()
  @Property({ type: 'string' })
  street!: string;

  @Matches(/^\d{5}$/)
  @Property({ type: 'string' })
  code!: string;

  @ValidateNested()
  @Embedded(() => Zone)
  zone!: Zone;
}

export class UserRepository extends SpillwayRepository<User> {}

@Entity({ tableName: 'app_user', repository: () => UserRepository })
@WriteBehind({ debounce: '10s', maxDelay: '20s' })
export class User {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @IsEmail()
  @Property({ type: 'string' })
  email!: string;

  @IsInt()
  @Min(0)
  @Property({ type: 'integer', default: 0 })
  age!: number & Opt;

  @IsOptional()
  @Length(3, 10, { groups: ['strict'] })
  @Property({ type: 'string', nullable: true })
  nick?: string | null;

  @ValidateNested()
  @ManyToOne({ entity: () => User, ref: true, nullable: true })
  friend?: Ref<User> | null;

  @ValidateNested()
  @OneToMany({ entity: () => User, mappedBy: 'friend' })
  friends: Collection<User> = new Collection<User>(this);

  @Property({ type: 'integer', version: true })
  version!: number & Opt;

  /** A getter is validated like every other property, and asked for no value where it cannot have one. */
  @Matches(/^[a-z.]+$/)
  @Property({ type: 'string', persist: false })
  get account(): string & Opt {
    return this.email.replace(/@.*/, '');
  }
}

@Entity({ tableName: 'placed' })
@WriteBehind({ debounce: '10s', maxDelay: '20s' })
export class Placed {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @ValidateNested()
  @Embedded(() => Address)
  home!: Address;

  @ValidateNested({ each: true })
  @Embedded(() => Zone, { array: true })
  zones: Zone[] & Opt = [];
}

/** Its hook puts in what its decorators ask for. */
@Entity({ tableName: 'hooked' })
@WriteBehind({ debounce: '10s', maxDelay: '20s' })
export class Hooked {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Matches(/^[a-z-]+$/)
  @Property({ type: 'string' })
  slug!: string & Opt;

  @Property({ type: 'string' })
  title!: string;

  @BeforeCreate()
  makeSlug({ entity }: EventArgs<Hooked>): void {
    entity.slug = entity.title.toLowerCase().replaceAll(' ', '-');
  }
}

@Entity({ tableName: 'grouped' })
@WriteBehind({ debounce: '10s', maxDelay: '20s', validate: { groups: ['strict'] } })
export class Grouped {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Length(3, 10, { groups: ['strict'] })
  @Matches(/^x/, { groups: ['other'] })
  @Property({ type: 'string' })
  name!: string;
}

@Entity({ tableName: 'unasked' })
@WriteBehind({ debounce: '10s', maxDelay: '20s', validate: false })
export class Unasked {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Length(3, 10)
  @Property({ type: 'string' })
  name!: string;
}

@Entity({ tableName: 'through' })
@WriteThrough()
export class Through {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Length(3, 10)
  @Property({ type: 'string' })
  name!: string;
}

/** Its bound stands in a rule, which looks at values, and in the table, which looks at sums. */
@Entity({ tableName: 'hall' })
@WriteBehind({ debounce: '10s', maxDelay: '20s', counters: ['guests'], retry: { attempts: 1 } })
export class Hall {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Max(100)
  @Property({ type: 'integer', check: 'guests <= 100' })
  guests!: number;
}

/** No policy, and so MikroORM alone. */
@Entity({ tableName: 'outside' })
export class Outside {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Length(3, 10)
  @Property({ type: 'string' })
  name!: string;
}

export async function validationOrm(
  databaseUrl: string,
  settings: Partial<SpillwayOptions> = {},
  orm: Partial<Options> = {},
): Promise<MikroORM> {
  return MikroORM.init({
    entities: [User, Placed, Hooked, Grouped, Unasked, Through, Outside, Hall],
    clientUrl: databaseUrl,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        worker: false,
        tables: { ensure: true },
        ...settings,
      }),
    ],
    ...orm,
  });
}

/** Property paths that were refused. Fails for everything but a validation error. */
export function refused(error: unknown): string[] {
  if (!(error instanceof ValidationFailedError)) throw error;
  const paths = (errors: readonly ValidationError[], parent: string): string[] =>
    errors.flatMap(({ property, constraints = {}, children = [] }) => [
      ...Object.keys(constraints).map((name) => `${parent}${property}:${name}`),
      ...paths(children, `${parent}${property}.`),
    ]);
  if (!error.errors.every((each) => each instanceof ValidationError)) throw new TypeError('Not class-validator’s own');
  return paths(error.errors, '');
}
