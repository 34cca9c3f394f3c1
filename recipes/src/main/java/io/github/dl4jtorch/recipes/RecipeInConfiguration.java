package io.github.dl4jtorch.recipes;

import static java.util.Objects.requireNonNull;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.nd4j.linalg.schedule.ScheduleType;

/** What of a recipe a configuration can hold. */
final class RecipeInConfiguration {

  private RecipeInConfiguration() {}

  /**
   * Returns the optimizer, whose updaters follow the schedule.
   *
   * @throws IllegalArgumentException if the recipe says more than that
   */
  static TorchOptimizer optimizer(Part recipe) {
    requireHeld(recipe);
    Part part = requireNonNull(recipe.part("optimizer"));
    TorchUpdater updater = Optimizers.updater(part, part.number("lr"));
    if (recipe.has("schedule")) {
      ScheduleType unit =
          recipe.text("step").equals("epoch") ? ScheduleType.EPOCH : ScheduleType.ITERATION;
      updater = TorchSchedule.updater(updater, (Schedule) recipe.get("schedule"), unit);
    }
    return Optimizers.optimizer(part, updater).withoutDecayOn(withoutDecay(part));
  }

  private static void requireHeld(Part recipe) {
    List<String> others = new ArrayList<>();
    for (String key :
        List.of(
            "clip_grad_norm", "clip_grad_value", "accumulation", "averaging", "early_stopping")) {
      if (recipe.has(key)) {
        others.add(key);
      }
    }
    if (recipe.has("schedule") && ((Schedule) recipe.get("schedule")).needsMetric()) {
      others.add("a schedule that needs a metric");
    }
    Part optimizer = requireNonNull(recipe.part("optimizer"));
    for (Part group : optimizer.parts("param_groups")) {
      if (group.number("lr", optimizer.number("lr")) != optimizer.number("lr")) {
        others.add("a group's lr");
      }
      if (group.has("momentum")) {
        others.add("a group's momentum");
      }
      double decay = optimizer.number("weight_decay");
      double own = group.number("weight_decay", decay);
      if (own != 0 && own != decay) {
        others.add("a group's weight_decay other than 0");
      }
    }
    if (!others.isEmpty()) {
      throw new IllegalArgumentException(
          "a configuration cannot hold all of the recipe, not "
              + String.join(", ", others)
              + ": use on(..), which makes a network of it");
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // There are no arrays of generic types.
  private static Predicate<NetworkParam>[] withoutDecay(Part optimizer) {
    List<Part> groups = optimizer.parts("param_groups");
    List<Predicate<NetworkParam>> firsts =
        GroupSelection.firsts(groups.stream().map(GroupSelection::of).toList());
    List<Predicate<NetworkParam>> without = new ArrayList<>();
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).number("weight_decay", optimizer.number("weight_decay")) == 0) {
        without.add(firsts.get(i));
      }
    }
    return without.toArray(new Predicate[0]);
  }
}
