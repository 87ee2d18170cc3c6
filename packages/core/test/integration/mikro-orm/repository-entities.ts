import type { Opt, Ref } from '@mikro-orm/core';
import { EntityRepository } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { randomUUID } from 'node:crypto';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { spillway, SpillwayRepository, withSpillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

@WriteBehind({ debounce: '10s', maxDelay: '20s', counters: ['stock'], retry: { attempts: 1 } })
export class ArticleRepository extends SpillwayRepository<Article> {
  async cheap(): Promise<Article[]> {
    return this.find({ price: { $lt: 10 } });
  }
}

/** Carries no policy itself: its repository does. */
@Entity({ repository: () => ArticleRepository })
export class Article {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'integer', check: 'price >= 0' })
  price: number & Opt = 1;

  @Property({ type: 'integer' })
  stock: number & Opt = 0;

  @Property({ type: 'datetime', nullable: true, length: 3 })
  soldAt?: Date | null;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

/** A repository class that was there before Spillway. */
class ShopRepository<T extends object> extends EntityRepository<T> {
  /** Whatever every repository of the application has. */
  label(): string {
    return `a repository of ${this.em.getMetadata().get(this.entityName as never).tableName}`;
  }
}

@WriteBehind({ debounce: '10s', maxDelay: '20s' })
export class ReviewRepository extends withSpillway(ShopRepository<Review>) {}

@Entity({ repository: () => ReviewRepository })
export class Review {
  @PrimaryKey({ type: 'integer' })
  id!: number & Opt;

  @Property({ type: 'string' })
  text!: string;

  @ManyToOne({ entity: () => Article, ref: true })
  article!: Ref<Article>;
}

/** Nothing of Spillway but the decorator. */
@WriteBehind({ debounce: '10s', maxDelay: '20s' })
export class TagRepository extends EntityRepository<Tag> {}

@Entity({ repository: () => TagRepository })
export class Tag {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Property({ type: 'string' })
  name!: string;
}

/** Has the repository, and no policy anywhere. */
export class PlainRepository extends SpillwayRepository<Plain> {}

@Entity({ repository: () => PlainRepository })
export class Plain {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Property({ type: 'string' })
  name!: string;
}

export async function repositoryOrm(
  databaseUrl: string,
  settings: Partial<SpillwayOptions> = {},
  orm: Partial<Options> = {},
): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Article, Review, Tag, Plain],
    clientUrl: databaseUrl,
    useBatchUpdates: false,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), tables: { ensure: true }, ...settings }),
    ],
    ...orm,
  });
}
