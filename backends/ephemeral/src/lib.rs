//! Rate limits in process and in Redis; sessions in Redis.
