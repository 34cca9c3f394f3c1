package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.step.AccumulatedGradients;
import io.github.dl4jtorch.adapter.step.GradientClipping;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.util.List;
import java.util.Optional;
import org.deeplearning4j.earlystopping.termination.EpochTerminationCondition;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;

/**
 * A network with a recipe on it. Its listeners are added already, in their order, so {@code
 * network().fit(data, epochs)} trains by the recipe. What is here is for looking at, for saving,
 * and for the end.
 *
 * <pre>{@code
 * Recipe recipe = Recipe.read(Path.of("recipe.yaml"));
 * RecipeTraining<MultiLayerNetwork> made = recipe.on(configuration);
 * made.network().fit(training, 90);
 * made.averaging().ifPresent(averaging -> averaging.finish(training)); // update_bn
 * }</pre>
 *
 * @param network the network
 * @param groups its param groups
 * @param run the run of the schedule
 * @param gradients what accumulates gradients
 * @param clipping what clips them
 * @param swalr what lets {@code SWALR} take over
 * @param average the average of the weights
 * @param averaging what keeps the average up; to be told to finish at the end
 * @param epochTerminationConditions when the training ends, for DL4J's {@code
 *     EarlyStoppingConfiguration}; empty without early stopping
 * @param <N> the kind of network
 */
public record RecipeTraining<N extends Model & NeuralNetwork>(
    N network,
    NetworkParamGroups groups,
    Optional<LRScheduler> run,
    Optional<AccumulatedGradients> gradients,
    Optional<GradientClipping> clipping,
    Optional<SwalrListener> swalr,
    Optional<AveragedModel<N>> average,
    Optional<AveragingListener<N>> averaging,
    List<EpochTerminationCondition> epochTerminationConditions) {}
