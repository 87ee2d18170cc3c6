// oxlint-disable-next-line import/no-default-export -- as MikroORM wants it
export { default } from '../shop.config.ts';
