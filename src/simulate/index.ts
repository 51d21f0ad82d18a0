export * from './mesh-model';
export * from './outcome';
export * from './request';
