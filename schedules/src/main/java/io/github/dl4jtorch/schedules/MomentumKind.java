package io.github.dl4jtorch.schedules;

/** Which number of an optimizer stands for its momentum. */
public enum MomentumKind {
  /** The optimizer has nothing that could be cycled, like Adagrad. */
  NONE,
  /** The momentum of SGD and RMSprop. */
  MOMENTUM,
  /** The first beta of Adam and its relatives. */
  BETA1
}
