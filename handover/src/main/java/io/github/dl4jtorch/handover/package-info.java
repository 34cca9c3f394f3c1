/**
 * Trainings that PyTorch began go on in Deeplearning4j, and back: weights, the optimizer's moments
 * and counts, schedulers, averages.
 *
 * <p>{@link io.github.dl4jtorch.handover.TorchWeights} moves a {@code state_dict} into a network
 * and out of it; {@link io.github.dl4jtorch.handover.TorchTraining} moves all that a script saves
 * to go on from.
 */
@NullMarked
package io.github.dl4jtorch.handover;

import org.jspecify.annotations.NullMarked;
