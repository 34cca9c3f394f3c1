/**
 * Event files for TensorBoard: {@link io.github.dl4jtorch.tensorboard.SummaryWriter} writes what a
 * monitor notes.
 */
@NullMarked
package io.github.dl4jtorch.tensorboard;

import org.jspecify.annotations.NullMarked;
