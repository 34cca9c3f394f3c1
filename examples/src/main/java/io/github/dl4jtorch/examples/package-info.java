/**
 * Trainings to run and to copy from: {@link io.github.dl4jtorch.examples.TrainDigits} trains a
 * network on images under a choice of recipes, {@link io.github.dl4jtorch.examples.Preview} draws
 * the curve of any schedule, {@link io.github.dl4jtorch.examples.SameCurve} repeats a training of
 * PyTorch.
 */
@NullMarked
package io.github.dl4jtorch.examples;

import org.jspecify.annotations.NullMarked;
