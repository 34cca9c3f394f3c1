/**
 * PyTorch's weight averaging in Deeplearning4j: {@link io.github.dl4jtorch.swa.AveragedModel} keeps
 * the average of a network's weights along its training, {@link io.github.dl4jtorch.swa.Averaging}
 * says how, and {@link io.github.dl4jtorch.swa.UpdateBn} gives the average the running statistics
 * that belong to its weights.
 */
@NullMarked
package io.github.dl4jtorch.swa;

import org.jspecify.annotations.NullMarked;
