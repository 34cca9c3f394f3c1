package io.github.dl4jtorch.files;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The calls in a pickle that are answered, by what they are known to mean; nothing is ever called.
 * Whatever is not here is refused by its name.
 */
final class Calls {

  /** The longest shape that PyTorch has. */
  private static final int DIMENSIONS = 64;

  /** The longest name. */
  private static final int NAME_LENGTH = 1000;

  private final InputFile file;

  Calls(InputFile file) {
    this.file = file;
  }

  /** A name that a pickle has. */
  Object name(@Nullable Object module, @Nullable Object name) throws TorchFileException {
    if (module instanceof String of && isName(of) && name instanceof String in && isName(in)) {
      DType dtype = of.equals("torch") ? DType.ofTorchName(in) : null;
      return dtype != null ? dtype : new OpaqueName(of, in);
    }
    throw file.refusal("it names what can be no function or class");
  }

  /** Names with dots between them, of letters, digits and underscores. */
  private static boolean isName(String text) {
    return text.length() <= NAME_LENGTH
        && Arrays.stream(text.split("\\.", -1))
            .allMatch(
                part ->
                    !part.isEmpty()
                        && part.codePoints()
                            .allMatch(
                                letter -> letter == '_' || Character.isLetterOrDigit(letter)));
  }

  /** What a call of a function gives. */
  @Nullable Object reduce(@Nullable Object function, @Nullable Object arguments)
      throws TorchFileException {
    if (!(function instanceof OpaqueName name) || name.receiver() != null) {
      throw call(function);
    }
    if (!(arguments instanceof Tuple tuple)) {
      throw malformed(name);
    }
    Arguments given = new Arguments(name, tuple);
    return switch (name.toString()) {
      case "collections.OrderedDict" -> orderedDict(given);
      case "collections.Counter" -> counter(given);
      case "collections.defaultdict" -> defaultDict(given);
      case "torch.Size" -> given.only(Tuple.class).asTorchSize();
      case "torch._utils._rebuild_tensor" -> tensor(given.exactly(4));
      case "torch._utils._rebuild_tensor_v2" -> tensor(given.between(6, 7));
      case "torch._utils._rebuild_tensor_v3" -> tensor(given.between(7, 8));
      case "torch._utils._rebuild_parameter" -> parameter(given.exactly(3));
      case "__builtin__.getattr", "builtins.getattr" -> attribute(given.exactly(2));
      default -> throw call(name);
    };
  }

  /** What making an object of a class gives. */
  Object newObject(@Nullable Object type, @Nullable Object arguments) throws TorchFileException {
    if (type instanceof OpaqueName name
        && name.receiver() == null
        && name.module().startsWith("torch.optim.")
        && arguments instanceof Tuple tuple
        && tuple.isEmpty()) {
      return new OpaqueObject(name);
    }
    throw object(file, type);
  }

  /** Puts a state into an object. */
  void build(@Nullable Object object, @Nullable Object state) throws TorchFileException {
    if (object instanceof Dict dict
        && dict.type() == Dict.Type.ORDERED_DICT
        && state instanceof Dict attributes
        && attributes.keySet().stream().allMatch(String.class::isInstance)) {
      dict.setAttributes(attributes);
    } else if (object instanceof OpaqueObject opaque) {
      opaque.setState(state);
    } else {
      throw file.refusal("it puts a state into " + Values.name(object));
    }
  }

  TorchFileException call(@Nullable Object function) {
    return file.refusal(
        "reading it would call "
            + (function instanceof OpaqueName name ? name : Values.name(function))
            + ", and nothing that a file names is ever called");
  }

  static TorchFileException object(InputFile file, @Nullable Object type) {
    if (!(type instanceof OpaqueName)) {
      return file.refusal("it makes an object of " + Values.name(type) + ", which is no class");
    }
    return file.refusal(
        "it holds an object of the class "
            + type
            + ", which reading it would call; save values alone, in Python, with"
            + " torch.save(model.state_dict(), path) in place of torch.save(model, path)");
  }

  private TorchFileException malformed(OpaqueName name) {
    return file.refusal("it calls " + name + " with other arguments than PyTorch does");
  }

  private Dict orderedDict(Arguments given) throws TorchFileException {
    Dict dict = new Dict(Dict.Type.ORDERED_DICT, null);
    if (!given.isEmpty()) {
      // Python 2 gives the entries as a list of pairs.
      for (Object pair : given.only(List.class)) {
        if (!(pair instanceof List<?> entry) || entry.size() != 2 || !Values.isKey(entry.get(0))) {
          throw malformed(given.name);
        }
        file.charge(Unpickler.ENTRY);
        dict.add(entry.get(0), entry.get(1));
      }
    }
    return dict;
  }

  private Dict counter(Arguments given) throws TorchFileException {
    Dict counter = new Dict(Dict.Type.COUNTER, null);
    if (!given.isEmpty()) {
      Dict counts = given.only(Dict.class);
      file.charge((long) Unpickler.ENTRY * counts.size());
      counts.forEach(counter::add);
    }
    return counter;
  }

  private Dict defaultDict(Arguments given) throws TorchFileException {
    return new Dict(Dict.Type.DEFAULT_DICT, given.isEmpty() ? null : given.only(OpaqueName.class));
  }

  private OpaqueName attribute(Arguments given) throws TorchFileException {
    String attribute = given.get(1, String.class);
    if (!isName(attribute) || attribute.contains(".")) {
      throw malformed(given.name);
    }
    if (given.tuple.get(0) instanceof OpaqueObject receiver) {
      return OpaqueName.within(receiver.type(), attribute, receiver);
    }
    OpaqueName owner = given.get(0, OpaqueName.class);
    if (owner.receiver() != null) {
      throw malformed(given.name);
    }
    return OpaqueName.within(owner, attribute, null);
  }

  private TorchTensor parameter(Arguments given) throws TorchFileException {
    TorchTensor data = given.get(0, TorchTensor.class);
    requireNoHooks(given, 2);
    return data.asParameter(given.get(1, Boolean.class));
  }

  /** A view: storage, offset, shape, strides, requires_grad, hooks, dtype, metadata. */
  private TorchTensor tensor(Arguments given) throws TorchFileException {
    View view =
        given.tuple.get(0) instanceof View part
            ? part
            : new View(given.get(0, Storage.class), 0, given.get(0, Storage.class).numel());
    long offset = given.get(1, Long.class);
    long[] shape = sizes(given, 2);
    long[] strides = sizes(given, 3);
    int count = given.tuple.size();
    boolean requiresGrad = count > 4 && given.get(4, Boolean.class);
    requireNoHooks(given, 5);
    boolean newer = given.name.name().endsWith("_v3");
    DType dtype = newer ? given.get(6, DType.class) : view.storage.dtype();
    int metadata = newer ? 7 : 6;
    if (count > metadata && given.tuple.get(metadata) != null) {
      throw file.refusal("it has a tensor with metadata, as conjugate views have");
    }
    if (offset < 0 || shape.length != strides.length) {
      throw malformed(given.name);
    }
    requireWithin(view, dtype, offset, shape, strides);
    return new TorchTensor(
        dtype, shape, strides, view.offset + offset, view.storage, requiresGrad, false);
  }

  private void requireWithin(View view, DType dtype, long offset, long[] shape, long[] strides)
      throws TorchFileException {
    try {
      long bytes = Math.multiplyExact(TorchTensor.numel(shape), dtype.itemSize());
      if (bytes > file.size()) {
        throw file.refusal(
            "it has a tensor that would take " + bytes + " bytes, more than the whole file");
      }
      long end = bytes == 0 ? 0 : Math.addExact(offset, 1);
      for (int dim = 0; dim < shape.length && bytes > 0; dim++) {
        end = Math.addExact(end, Math.multiplyExact(shape[dim] - 1, strides[dim]));
      }
      if (Math.multiplyExact(end, dtype.itemSize())
          > view.numel * view.storage.dtype().itemSize()) {
        throw file.refusal("it has a tensor that goes beyond the end of its storage");
      }
    } catch (ArithmeticException tooLarge) {
      throw file.refusal("it has a tensor whose size is more than a long holds", tooLarge);
    }
  }

  private long[] sizes(Arguments given, int index) throws TorchFileException {
    Tuple tuple = given.get(index, Tuple.class);
    if (tuple.size() > DIMENSIONS) {
      throw file.refusal("it has a tensor of " + tuple.size() + " dimensions");
    }
    long[] sizes = new long[tuple.size()];
    for (int dim = 0; dim < sizes.length; dim++) {
      if (!(tuple.get(dim) instanceof Long size) || size < 0) {
        throw malformed(given.name);
      }
      sizes[dim] = size;
    }
    file.charge(16 + 8L * sizes.length);
    return sizes;
  }

  private void requireNoHooks(Arguments given, int index) throws TorchFileException {
    if (given.tuple.size() > index && !given.get(index, Dict.class).isEmpty()) {
      throw file.refusal("it has a tensor with backward hooks");
    }
  }

  /** A part of a storage that PyTorch up to 0.4 gave a key of its own. */
  record View(Storage storage, long offset, long numel) {}

  /** The arguments of a call. */
  private final class Arguments {

    private final OpaqueName name;
    private final Tuple tuple;

    Arguments(OpaqueName name, Tuple tuple) {
      this.name = name;
      this.tuple = tuple;
    }

    boolean isEmpty() {
      return tuple.isEmpty();
    }

    Arguments exactly(int count) throws TorchFileException {
      return between(count, count);
    }

    Arguments between(int least, int most) throws TorchFileException {
      if (tuple.size() < least || tuple.size() > most) {
        throw malformed(name);
      }
      return this;
    }

    <T> T only(Class<T> type) throws TorchFileException {
      return exactly(1).get(0, type);
    }

    <T> T get(int index, Class<T> type) throws TorchFileException {
      Object value = tuple.get(index);
      if (!type.isInstance(value)) {
        throw malformed(name);
      }
      return type.cast(value);
    }
  }
}
