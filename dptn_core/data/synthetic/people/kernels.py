"""What runs for each triangle, vertex or sample: Warp kernels, the same on CPU and CUDA.

Warp reads the annotations as types of its own and compiles the functions; `warp_launch` runs them.
"""

import warp as wp


@wp.kernel
def raster_kernel(
    todo: wp.array2d(dtype=int),
    p: wp.array2d(dtype=wp.vec3),
    cut: wp.array2d(dtype=float),
    faces: wp.array(dtype=wp.vec3i),
    rough: wp.array(dtype=float),
    face_uv: wp.array2d(dtype=wp.vec2),
    streaks: wp.array2d(dtype=float),
    scale: float,
    width: int,
    height: int,
    out: wp.array3d(dtype=wp.int64),
):
    """Depth and triangle of each pixel, packed as micrometres << 20 | triangle. Pieces with cut < 0 are away."""
    k0 = wp.tid()
    i = todo[k0, 0]
    t = todo[k0, 1]
    f = faces[t]
    j = i % cut.shape[0]
    ca = cut[j, f[0]]
    cb = cut[j, f[1]]
    cc = cut[j, f[2]]
    amp = wp.max(rough[t], 0.0)
    a = p[i, f[0]]
    b = p[i, f[1]]
    c = p[i, f[2]]
    if a[2] < 0.05 or b[2] < 0.05 or c[2] < 0.05:
        return
    a = wp.vec3(a[0] * scale, a[1] * scale, a[2])
    b = wp.vec3(b[0] * scale, b[1] * scale, b[2])
    c = wp.vec3(c[0] * scale, c[1] * scale, c[2])
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if wp.abs(area) < 1e-9 or (rough[t] < 0.0 and area > 0.0):  # closed skin, seen from inside
        return
    x0 = wp.max(int(wp.ceil(wp.min(a[0], wp.min(b[0], c[0])) - 0.5)), 0)
    x1 = wp.min(int(wp.floor(wp.max(a[0], wp.max(b[0], c[0])) - 0.5)), width - 1)
    y0 = wp.max(int(wp.ceil(wp.min(a[1], wp.min(b[1], c[1])) - 0.5)), 0)
    y1 = wp.min(int(wp.floor(wp.max(a[1], wp.max(b[1], c[1])) - 0.5)), height - 1)
    inv = 1.0 / area
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            px = float(x) + 0.5
            py = float(y) + 0.5
            u = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) * inv
            v = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) * inv
            w = 1.0 - u - v
            if u >= 0.0 and v >= 0.0 and w >= 0.0:
                u = u / a[2]
                v = v / b[2]
                w = w / c[2]
                z = 1.0 / (u + v + w)
                u = u * z
                v = v * z
                w = w * z
                k = u * ca + v * cb + w * cc
                if amp > 0.0:
                    q = face_uv[t, 0] * u + face_uv[t, 1] * v + face_uv[t, 2] * w
                    sx = int(q[0] * 2600.0) & 255
                    sy = int(q[1] * 600.0) & 255
                    k = k + amp * streaks[sy, sx] * 0.5
                if k > 0.0:
                    wp.atomic_min(out, i, y, x, (wp.int64(z * 1.0e6) << wp.int64(20)) | wp.int64(t))


@wp.kernel
def shadow_kernel(
    todo: wp.array2d(dtype=int),
    world: wp.array2d(dtype=wp.vec3),
    frames: wp.array2d(dtype=wp.mat33),
    centre: wp.array(dtype=wp.vec3),
    extent: wp.array(dtype=float),
    out: wp.array4d(dtype=wp.int64),
):
    """Depth of the person as each light sees them: vertices, denser than the map's cells, as 2 x 2 splats."""
    k0 = wp.tid()
    i = todo[k0, 0]
    p = world[i, todo[k0, 1]] - centre[i]
    size = out.shape[3]
    k = float(size) / extent[i]
    for lamp in range(frames.shape[1]):
        q = frames[i, lamp] * p
        x = int(wp.floor(q[0] * k + float(size) * 0.5 - 0.5))
        y = int(wp.floor(q[1] * k + float(size) * 0.5 - 0.5))
        key = wp.int64((q[2] + 8.0) * 1.0e6) << wp.int64(20)
        if x >= 0 and y >= 0 and x < size - 1 and y < size - 1:
            wp.atomic_min(out, i, lamp, y, x, key)
            wp.atomic_min(out, i, lamp, y, x + 1, key)
            wp.atomic_min(out, i, lamp, y + 1, x, key)
            wp.atomic_min(out, i, lamp, y + 1, x + 1, key)


@wp.func
def _hash(i: int) -> float:
    s = wp.rand_init(917, i)
    return wp.randf(s)


@wp.kernel
def light_kernel(
    pos: wp.array(dtype=wp.vec3),
    nrm: wp.array(dtype=wp.vec3),
    geo: wp.array(dtype=wp.vec3),
    view: wp.array(dtype=wp.vec3),
    pic: wp.array(dtype=int),
    grain: wp.array(dtype=int),
    wrap: wp.array(dtype=float),
    shine: wp.array(dtype=float),
    dirs: wp.array2d(dtype=wp.vec3),
    colour: wp.array2d(dtype=wp.vec3),
    frames: wp.array2d(dtype=wp.mat33),
    centre: wp.array(dtype=wp.vec3),
    depth: wp.array4d(dtype=wp.int64),
    extent: wp.array(dtype=float),
    soft: wp.array(dtype=float),
    diffuse: wp.array(dtype=wp.vec3),
    spec: wp.array(dtype=wp.vec3),
):
    """Sum over the lights of an image: each has a depth map of the person, so shadows and occlusion are true."""
    s = wp.tid()
    i = pic[s]
    n = nrm[s]
    size = float(depth.shape[3])
    d = wp.vec3(0.0, 0.0, 0.0)
    g = wp.vec3(0.0, 0.0, 0.0)
    rel = pos[s] + geo[s] * 0.012 - centre[i]
    k = size / extent[i]
    for lamp in range(dirs.shape[1]):
        lit = wp.dot(n, dirs[i, lamp])
        w = wrap[s]
        lit = (lit + w) / (1.0 + w)
        if lit > 0.0:
            q = frames[i, lamp] * rel
            vis = float(0.0)
            taps = 1
            spread = float(0.0)
            if lamp == 0:
                taps = 4
                spread = soft[i]
            for t in range(taps):
                # a bilinear 2 x 2 test, once for the surroundings, four stratified times for the key light
                r1 = (_hash(grain[s] * 97 + t * 7) * 0.8 + 0.1 + float(t % 2) - 1.0) * spread
                r2 = (_hash(grain[s] * 89 + t * 5 + 3) * 0.8 + 0.1 + float(t / 2) - 1.0) * spread
                fx = q[0] * k + size * 0.5 + r1 - 0.5
                fy = q[1] * k + size * 0.5 + r2 - 0.5
                x = int(wp.floor(fx))
                y = int(wp.floor(fy))
                fx = fx - float(x)
                fy = fy - float(y)
                if x >= 0 and y >= 0 and x < depth.shape[3] - 1 and y < depth.shape[2] - 1:
                    limit = wp.int64((q[2] + 8.0 - 0.014 - 0.012 * (1.0 - lit)) * 1.0e6) << wp.int64(20)
                    if depth[i, lamp, y, x] > limit:
                        vis = vis + (1.0 - fx) * (1.0 - fy)
                    if depth[i, lamp, y, x + 1] > limit:
                        vis = vis + fx * (1.0 - fy)
                    if depth[i, lamp, y + 1, x] > limit:
                        vis = vis + (1.0 - fx) * fy
                    if depth[i, lamp, y + 1, x + 1] > limit:
                        vis = vis + fx * fy
                else:
                    vis = vis + 1.0
            vis = vis / float(taps)
            d = d + colour[i, lamp] * (lit * vis)
            half = wp.normalize(dirs[i, lamp] + view[s])
            nh = wp.max(wp.dot(n, half), 0.0)
            m = shine[s]
            vh = 1.0 - wp.max(wp.dot(view[s], half), 0.0)
            fres = 0.04 + 0.96 * vh * vh * vh * vh * vh
            g = g + colour[i, lamp] * (vis * wp.min(lit * 4.0, 1.0) * wp.pow(nh, m) * (m + 8.0) / 8.0 * fres)
    diffuse[s] = d
    spec[s] = g


@wp.kernel
def skin_kernel(
    rest: wp.array2d(dtype=wp.vec3),
    normal: wp.array2d(dtype=wp.vec3),
    canon: wp.array(dtype=wp.vec3),
    relief: wp.array2d(dtype=float),
    wave: wp.array3d(dtype=wp.vec3),
    phase: wp.array2d(dtype=float),
    bones: wp.array2d(dtype=int),
    weights: wp.array2d(dtype=float),
    turn: wp.array2d(dtype=wp.mat33),
    move: wp.array2d(dtype=wp.vec3),
    out: wp.array2d(dtype=wp.vec3),
    out_normal: wp.array2d(dtype=wp.vec3),
):
    """Large folds (other ones in each image) and linear blend skinning, of positions and normals."""
    i, v = wp.tid()
    j = i % rest.shape[0]
    p = rest[j, v]
    n = normal[j, v]
    a = relief[j, v]
    if a > 0.0:
        h = float(0.0)
        g = wp.vec3(0.0, 0.0, 0.0)
        for r in range(wave.shape[2]):
            d = wave[i, 0, r]
            t = wp.dot(d, canon[v]) + phase[i, r]
            h = h + wp.sin(t)
            g = g + d * wp.cos(t)
        p = p + n * (a * h)
        g = g * a
        n = wp.normalize(n - (g - n * wp.dot(n, g)))
    q = wp.vec3(0.0, 0.0, 0.0)
    m = wp.vec3(0.0, 0.0, 0.0)
    for k in range(bones.shape[1]):
        w = weights[v, k]
        if w > 0.0:
            b = bones[v, k]
            q = q + (turn[i, b] * p + move[i, b]) * w
            m = m + (turn[i, b] * n) * w
    out[i, v] = q
    out_normal[i, v] = wp.normalize(m)


@wp.kernel
def sample_kernel(
    bank: wp.array4d(dtype=float),
    index: wp.array(dtype=wp.int64),
    u: wp.array(dtype=float),
    v: wp.array(dtype=float),
    out: wp.array2d(dtype=float),
):
    """Bilinear samples of a bank of tiles (K, H, W, C), wrapping."""
    s = wp.tid()
    h = bank.shape[1]
    w = bank.shape[2]
    k = int(index[s])
    x = u[s] * float(w) - 0.5
    y = v[s] * float(h) - 0.5
    x0 = wp.floor(x)
    y0 = wp.floor(y)
    fx = x - x0
    fy = y - y0
    xi = ((int(x0) % w) + w) % w
    yi = ((int(y0) % h) + h) % h
    xj = (xi + 1) % w
    yj = (yi + 1) % h
    for c in range(bank.shape[3]):
        a = bank[k, yi, xi, c] * (1.0 - fx) + bank[k, yi, xj, c] * fx
        b = bank[k, yj, xi, c] * (1.0 - fx) + bank[k, yj, xj, c] * fx
        out[s, c] = a * (1.0 - fy) + b * fy


@wp.kernel
def gather_kernel(
    spot: wp.array(dtype=int),
    key: wp.array(dtype=wp.int64),
    width: int,
    height: int,
    over: float,
    screen: wp.array2d(dtype=wp.vec3),
    world: wp.array2d(dtype=wp.vec3),
    normal: wp.array2d(dtype=wp.vec3),
    canon: wp.array(dtype=wp.vec3),
    along: wp.array(dtype=wp.vec3),
    cut: wp.array2d(dtype=float),
    faces: wp.array(dtype=wp.vec3i),
    face_uv: wp.array2d(dtype=wp.vec2),
    eye: wp.array(dtype=wp.vec3),
    pos: wp.array(dtype=wp.vec3),
    nrm: wp.array(dtype=wp.vec3),
    geo: wp.array(dtype=wp.vec3),
    view: wp.array(dtype=wp.vec3),
    uv: wp.array(dtype=wp.vec2),
    place: wp.array(dtype=wp.vec3),
    extra: wp.array(dtype=wp.vec4),
    tu: wp.array(dtype=wp.vec3),
    tv: wp.array(dtype=wp.vec3),
):
    """All that shading needs at a visible sample."""
    s = wp.tid()
    at = int(spot[s])
    area = width * height
    i = at / area
    rem = at - i * area
    y = (float(rem / width) + 0.5) / over
    x = (float(rem % width) + 0.5) / over
    t = int(key[s] & wp.int64(1048575))
    f = faces[t]
    a = screen[i, f[0]]
    b = screen[i, f[1]]
    c = screen[i, f[2]]
    inv = 1.0 / ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
    u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) * inv
    v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) * inv
    # a sample that fills a pinhole lies beside its triangle
    w = wp.max(1.0 - u - v, 0.0) / c[2]
    u = wp.max(u, 0.0) / a[2]
    v = wp.max(v, 0.0) / b[2]
    k = 1.0 / (u + v + w)
    u = u * k
    v = v * k
    w = w * k
    A = world[i, f[0]]
    B = world[i, f[1]]
    C = world[i, f[2]]
    p = A * u + B * v + C * w
    n = wp.normalize(normal[i, f[0]] * u + normal[i, f[1]] * v + normal[i, f[2]] * w)
    g = wp.normalize(wp.cross(B - A, C - A))
    e = wp.normalize(eye[i] - p)
    if wp.dot(g, e) < 0.0:
        g = -g
    if wp.dot(n, g) < 0.0:
        n = -n
    pos[s] = p
    nrm[s] = n
    geo[s] = g
    view[s] = e
    q0 = face_uv[t, 0]
    q1 = face_uv[t, 1] - q0
    q2 = face_uv[t, 2] - q0
    uv[s] = q0 + q1 * v + q2 * w
    place[s] = canon[f[0]] * u + canon[f[1]] * v + canon[f[2]] * w
    r = along[f[0]] * u + along[f[1]] * v + along[f[2]] * w
    j = i % cut.shape[0]
    extra[s] = wp.vec4(r[0], r[1], r[2], cut[j, f[0]] * u + cut[j, f[1]] * v + cut[j, f[2]] * w)
    det = q1[0] * q2[1] - q2[0] * q1[1]
    sign = float(1.0)
    if det < 0.0:
        sign = -1.0
    tu[s] = wp.normalize(((B - A) * q2[1] - (C - A) * q1[1]) * sign)
    tv[s] = wp.normalize(((C - A) * q1[0] - (B - A) * q2[0]) * sign)
