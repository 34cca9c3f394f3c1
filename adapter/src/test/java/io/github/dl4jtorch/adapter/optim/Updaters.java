package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;

import java.util.List;
import java.util.Map;

/** Updaters from the arguments of PyTorch's constructors. */
final class Updaters {

  private Updaters() {}

  static TorchUpdater of(Map<String, Object> arguments) {
    TorchUpdater updater = descending(arguments);
    return Boolean.TRUE.equals(arguments.get("maximize")) ? updater.withMaximize() : updater;
  }

  private static TorchUpdater descending(Map<String, Object> arguments) {
    double lr = number(arguments.get("lr"));
    String type = (String) arguments.get("type");
    return switch (type) {
      case "SGD" -> sgd(lr, arguments);
      case "Adam" -> amsgrad(betas(new TorchAdam(lr), arguments), arguments);
      case "AdamW" -> amsgrad(betas(new TorchAdamW(lr), arguments), arguments);
      case "NAdam" ->
          betas(new TorchNAdam(lr), arguments)
              .withMomentumDecay(number(arguments.get("momentum_decay")));
      case "RAdam" -> betas(new TorchRAdam(lr), arguments);
      case "Adamax" -> betas(new TorchAdamax(lr), arguments);
      case "RMSprop" -> rmsprop(lr, arguments);
      case "Adagrad" ->
          new TorchAdagrad(lr)
              .withLrDecay(number(arguments.get("lr_decay")))
              .withInitialAccumulatorValue(number(arguments.get("initial_accumulator_value")))
              .withEps(number(arguments.get("eps")));
      case "Adadelta" ->
          new TorchAdadelta(lr)
              .withRho(number(arguments.get("rho")))
              .withEps(number(arguments.get("eps")));
      case "ASGD" ->
          new TorchASGD(lr)
              .withLambd(number(arguments.getOrDefault("lambd", 1e-4)))
              .withAlpha(number(arguments.getOrDefault("alpha", 0.75)))
              .withT0(number(arguments.getOrDefault("t0", 1e6)));
      case "Rprop" -> {
        double[] etas = numbers(arguments.getOrDefault("etas", List.of(0.5, 1.2)));
        double[] sizes = numbers(arguments.getOrDefault("step_sizes", List.of(1e-6, 50)));
        yield new TorchRprop(lr).withEtas(etas[0], etas[1]).withStepSizes(sizes[0], sizes[1]);
      }
      case "Adafactor" -> adafactor(new TorchAdafactor(lr), arguments);
      case "Muon" -> muon(new TorchMuon(lr), arguments);
      default -> throw new IllegalArgumentException(type);
    };
  }

  private static TorchAdafactor adafactor(TorchAdafactor plain, Map<String, Object> arguments) {
    TorchAdafactor updater =
        plain
            .withBeta2Decay(number(arguments.getOrDefault("beta2_decay", -0.8)))
            .withD(number(arguments.getOrDefault("d", 1.0)));
    if (arguments.get("eps") == null) {
      return updater;
    }
    double[] eps = numbers(arguments.get("eps"));
    return updater.withEps(eps[0], eps[1]);
  }

  private static TorchMuon muon(TorchMuon plain, Map<String, Object> arguments) {
    TorchMuon updater =
        plain
            .withMomentum(number(arguments.getOrDefault("momentum", 0.95)))
            .withEps(number(arguments.getOrDefault("eps", 1e-7)))
            .withNsSteps((int) arguments.getOrDefault("ns_steps", 5));
    if (arguments.get("ns_coefficients") != null) {
      double[] coefficients = numbers(arguments.get("ns_coefficients"));
      updater = updater.withNsCoefficients(coefficients[0], coefficients[1], coefficients[2]);
    }
    if ("match_rms_adamw".equals(arguments.get("adjust_lr_fn"))) {
      updater = updater.withAdjustLr(TorchMuon.AdjustLr.MATCH_RMS_ADAMW);
    }
    return Boolean.FALSE.equals(arguments.get("nesterov")) ? updater.withoutNesterov() : updater;
  }

  private static TorchSGD sgd(double lr, Map<String, Object> arguments) {
    TorchSGD plain = new TorchSGD(lr);
    double momentum = number(arguments.get("momentum"));
    return Boolean.TRUE.equals(arguments.get("nesterov"))
        ? plain.withNesterovMomentum(momentum)
        : plain.withMomentum(momentum, number(arguments.getOrDefault("dampening", 0.0)));
  }

  private static TorchRMSprop rmsprop(double lr, Map<String, Object> arguments) {
    TorchRMSprop updater =
        new TorchRMSprop(lr)
            .withAlpha(number(arguments.get("alpha")))
            .withEps(number(arguments.get("eps")))
            .withMomentum(number(arguments.get("momentum")));
    return Boolean.TRUE.equals(arguments.get("centered")) ? updater.withCentering() : updater;
  }

  private static <T extends BetasUpdater<T>> T betas(T updater, Map<String, Object> arguments) {
    double[] betas = numbers(arguments.get("betas"));
    return updater.withBetas(betas[0], betas[1]).withEps(number(arguments.get("eps")));
  }

  private static <T extends AmsgradUpdater<T>> T amsgrad(T updater, Map<String, Object> arguments) {
    return Boolean.TRUE.equals(arguments.get("amsgrad")) ? updater.withAmsgrad() : updater;
  }
}
