package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchTensor;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Under which names PyTorch's scripts save what, and how it is found and put back there. */
final class UsualKeys {

  static final List<String> MODEL =
      List.of("model", "state_dict", "model_state_dict", "model_state", "net", "network", "module");
  static final List<String> OPTIMIZER =
      List.of(
          "optimizer",
          "optimizer_state_dict",
          "optimizer_state",
          "optimizer_states",
          "optim",
          "optim_state_dict");
  static final List<String> SCHEDULER =
      List.of(
          "scheduler",
          "lr_scheduler",
          "scheduler_state_dict",
          "lr_scheduler_state_dict",
          "scheduler_state",
          "lr_schedulers",
          "sched");
  static final List<String> AVERAGE =
      List.of(
          "averaged_model",
          "model_ema",
          "ema",
          "ema_state_dict",
          "ema_model",
          "state_dict_ema",
          "ema_model_state_dict",
          "swa_model",
          "swa_model_state_dict",
          "averaged_model_state_dict");
  static final List<String> EPOCH = List.of("epoch", "last_epoch", "epochs");

  private UsualKeys() {}

  static boolean isStateDict(Map<?, ?> checkpoint) {
    return !checkpoint.isEmpty()
        && checkpoint.values().stream().allMatch(TorchTensor.class::isInstance);
  }

  static Map<?, ?> model(Map<?, ?> checkpoint) {
    Object model = find(checkpoint, MODEL);
    if (model == null) {
      throw new HandoverException(
          "it must have a model under one of " + MODEL + " but has " + checkpoint.keySet());
    }
    return Entries.map("model", model);
  }

  static @Nullable Object find(Map<?, ?> checkpoint, List<String> keys) {
    for (String key : keys) {
      Object value = checkpoint.get(key);
      if (value != null) {
        return value;
      }
    }
    return null;
  }

  /** Takes a dict, or the only one of a list, as PyTorch Lightning writes it. */
  static @Nullable Map<?, ?> single(String name, @Nullable Object value) {
    if (value instanceof List<?> list && list.size() == 1) {
      return Entries.map(name, list.get(0));
    }
    return value == null ? null : Entries.map(name, value);
  }

  private static Object key(Map<?, ?> dict, List<String> keys) {
    return keys.stream().filter(key -> dict.get(key) != null).findFirst().orElseThrow();
  }

  static void put(Map<Object, @Nullable Object> dict, Dict like, List<String> keys, Object value) {
    Object key = key(like, keys);
    dict.put(key, like.get(key) instanceof List<?> ? List.of(value) : value);
  }
}
