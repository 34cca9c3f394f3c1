/**
 * Whole trainings in one file: {@link io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint}
 * saves a network with the runs on its param groups and goes on from there to the bit, and {@link
 * io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener} does so while a network is
 * being trained.
 */
@NullMarked
package io.github.dl4jtorch.adapter.checkpoint;

import org.jspecify.annotations.NullMarked;
