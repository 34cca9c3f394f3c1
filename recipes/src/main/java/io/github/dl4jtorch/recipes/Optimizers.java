package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.adapter.optim.AmsgradUpdater;
import io.github.dl4jtorch.adapter.optim.BetasUpdater;
import io.github.dl4jtorch.adapter.optim.TorchAdadelta;
import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.ParamGroup;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes updaters of an optimizer as the reader gives it, and such a one of updaters. */
final class Optimizers {

  private Optimizers() {}

  static TorchUpdater updater(Part optimizer, double lr) {
    return switch (optimizer.text("type")) {
      case "SGD" -> sgd(optimizer, lr);
      case "Adam" -> amsgrad(betas(new TorchAdam(lr), optimizer), optimizer);
      case "AdamW" -> amsgrad(betas(new TorchAdamW(lr), optimizer), optimizer);
      case "NAdam" ->
          betas(new TorchNAdam(lr), optimizer)
              .withMomentumDecay(optimizer.number("momentum_decay"));
      case "RAdam" -> betas(new TorchRAdam(lr), optimizer);
      case "Adamax" -> betas(new TorchAdamax(lr), optimizer);
      case "RMSprop" -> {
        TorchRMSprop updater =
            new TorchRMSprop(lr)
                .withAlpha(optimizer.number("alpha"))
                .withEps(optimizer.number("eps"))
                .withMomentum(optimizer.number("momentum"));
        yield optimizer.flag("centered") ? updater.withCentering() : updater;
      }
      case "Adagrad" ->
          new TorchAdagrad(lr)
              .withLrDecay(optimizer.number("lr_decay"))
              .withInitialAccumulatorValue(optimizer.number("initial_accumulator_value"))
              .withEps(optimizer.number("eps"));
      case "Adadelta" ->
          new TorchAdadelta(lr).withRho(optimizer.number("rho")).withEps(optimizer.number("eps"));
      default -> throw new AssertionError(optimizer);
    };
  }

  private static TorchSGD sgd(Part optimizer, double lr) {
    double momentum = optimizer.number("momentum");
    return optimizer.flag("nesterov")
        ? new TorchSGD(lr).withNesterovMomentum(momentum)
        : new TorchSGD(lr).withMomentum(momentum, optimizer.number("dampening"));
  }

  private static <T extends BetasUpdater<T>> T betas(T updater, Part optimizer) {
    List<Double> betas = optimizer.numbers("betas");
    return updater.withBetas(betas.get(0), betas.get(1)).withEps(optimizer.number("eps"));
  }

  private static <T extends AmsgradUpdater<T>> T amsgrad(T updater, Part optimizer) {
    return optimizer.flag("amsgrad") ? updater.withAmsgrad() : updater;
  }

  /** Returns the optimizer, with a decay of its kind in every layer if a group has one. */
  static TorchOptimizer optimizer(Part optimizer, TorchUpdater updater) {
    TorchOptimizer plain = TorchOptimizer.of(updater);
    double weightDecay = layerDecay(optimizer);
    return isDecoupled(optimizer)
        ? plain.withDecoupledWeightDecay(weightDecay)
        : plain.withWeightDecay(weightDecay);
  }

  /**
   * Returns the decay that layers are given. Where it is decoupled for an updater that does not say
   * so, a group's decay is of that kind only in layers that have one.
   */
  static double layerDecay(Part optimizer) {
    double weightDecay = optimizer.number("weight_decay");
    if (weightDecay == 0 && isDecoupled(optimizer)) {
      for (Part group : optimizer.parts("param_groups")) {
        weightDecay = Math.max(weightDecay, group.number("weight_decay", 0));
      }
    }
    return weightDecay;
  }

  private static boolean isDecoupled(Part optimizer) {
    return optimizer.has("decoupled_weight_decay") && optimizer.flag("decoupled_weight_decay");
  }

  /** Returns groups with the rates and momenta that a schedule will see. */
  static List<ParamGroup> groups(Part optimizer) {
    List<ParamGroup> groups = new ArrayList<>();
    List<Part> parts = optimizer.parts("param_groups");
    for (Part part : parts.isEmpty() ? List.of(new Part(Map.of())) : parts) {
      double lr = part.number("lr", optimizer.number("lr"));
      if (optimizer.has("betas")) {
        groups.add(ParamGroup.adam(lr, optimizer.numbers("betas").get(0)));
      } else if (optimizer.has("momentum") && optimizer.number("momentum") > 0) {
        groups.add(ParamGroup.sgd(lr, part.number("momentum", optimizer.number("momentum"))));
      } else {
        groups.add(ParamGroup.withoutMomentum(lr));
      }
    }
    return groups;
  }

  /** Returns what a recipe says of an updater, without its rate and weight decay. */
  static Map<String, Object> written(TorchUpdater updater) {
    String type = updater.getClass().getSimpleName().replaceFirst("^Torch", "");
    Map<String, Object> arguments = updater.arguments();
    Map<String, Object> written = new LinkedHashMap<>();
    written.put("type", type);
    for (Words.Key key : Words.OPTIMIZER.keys().getOrDefault(type, List.of())) {
      Object value = arguments.get(key.name());
      if (key.name().equals("betas")) {
        written.put("betas", List.of(arguments.get("beta1"), arguments.get("beta2")));
      } else if (value != null) {
        written.put(key.name(), value);
      }
    }
    return written;
  }
}
