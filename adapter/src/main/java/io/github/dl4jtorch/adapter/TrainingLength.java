package io.github.dl4jtorch.adapter;

/**
 * How long a training is going to be.
 *
 * @param iterations how many an epoch has, 0 if that is not known
 * @param epochs how many are to come
 */
record TrainingLength(int iterations, int epochs) {

  /** Returns how many steps there will be, 0 if that is not known. */
  long steps(boolean byEpochs) {
    return byEpochs ? epochs : (long) iterations * epochs;
  }

  /** Says what makes so many steps. */
  String steps(boolean byEpochs, long steps) {
    return steps
        + (byEpochs ? " epochs" : " iterations (" + epochs + " epochs of " + iterations + ")");
  }
}
