package io.github.dl4jtorch.adapter.internal;

/** What a listener counts, and after which it does its work. */
public enum Unit {
  ITERATION,
  EPOCH
}
